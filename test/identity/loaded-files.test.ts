// What loading an identity does with its files: access rights, passphrase, the next key, and parts in other places.
import { createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { fileError } from '../../src/files/file-errors.ts';
import { type FileContent, readFileContent } from '../../src/files/read-file.ts';
import type { Finding } from '../../src/files/trust.ts';
import { identityFrom, type LoadContext, loadIdentity } from '../../src/identity/load-identity.ts';
import type { LoadedIdentity } from '../../src/identity/signing-identity.ts';
import { type Authority, type Issued, makeAuthority } from '../support/pki.ts';
import { codeOf, load, NOW, writeFile } from './identity-directory.ts';

let root: Authority;
let lower: Authority;
let device: Issued;
let other: Issued;
beforeAll(async () => {
  root = await makeAuthority();
  lower = await root.subordinate('Lower');
  [device, other] = [await lower.issue(), await lower.issue()];
});

const context: LoadContext = { now: NOW, environment: {} };
const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (error as Error).message,
  );

describe('access to the key', () => {
  it('is for its owner only, unless the operator allows it or systemd gives it', async () => {
    const privateKey = writeFile(device.keyPem, { mode: 0o644 });
    const config = { certificate: writeFile(device.certificatePem), privateKey, allowReadableKey: false };
    expect(await codeOf(loadIdentity(config, context))).toBe('KEY_FILE_EXPOSED');
    const { identity } = await loadIdentity({ ...config, allowReadableKey: true }, context);
    expect(identity.certificate).toEqual(device.certificateDer);
    const environment = { CREDENTIALS_DIRECTORY: dirname(privateKey) };
    expect((await loadIdentity(config, { now: NOW, environment })).warnings).toEqual([]);
  });
});

describe('a passphrase in a file', () => {
  it('is read like the other files, with what the operator allows', async () => {
    const encryption = { format: 'pem', type: 'pkcs8', cipher: 'aes-128-cbc', passphrase: 'geheim' } as const;
    const passphrase = { from: 'file', path: writeFile('geheim\n', { mode: 0o666 }) } as const;
    const config = {
      certificate: writeFile(device.certificatePem + device.privateKey.export(encryption).toString()),
      passphrase,
      allowReadableKey: false,
    };
    expect(await codeOf(loadIdentity(config, context))).toBe('FILE_WRITABLE_BY_OTHERS');
    const { identity } = await loadIdentity({ ...config, allowReadableKey: true }, context);
    expect(identity.certificate).toEqual(device.certificateDer);
    const read = async (path: string): Promise<FileContent> => ({ ...(await readFileContent(path)), findings: [] });
    expect((await loadIdentity(config, { ...context, read })).identity.certificate).toEqual(device.certificateDer);
  });
});

describe('what is found about the files', () => {
  const finding = (message: string, isDangerous: boolean): Finding => ({
    error: fileError('FILE_WRITABLE_BY_OTHERS', message),
    isDangerous,
  });

  function from(findings: readonly (readonly Finding[])[], allowReadableKey: boolean): Promise<LoadedIdentity> {
    const file = (text: string, index: number): FileContent => {
      const found = findings[index] ?? [];
      return { path: `file ${index}`, content: Buffer.from(text), mode: 0o600, owner: 0, findings: found };
    };
    const files = {
      certificate: file(device.certificatePem, 0),
      privateKey: file(device.keyPem, 1),
      intermediates: file(lower.certificatePem, 2),
      trustAnchorBundle: undefined,
    };
    return identityFrom(files, { certificate: 'c', privateKey: 'k', allowReadableKey }, context);
  }

  const minor = finding('a directory', false);
  const danger = finding('a file', true);

  it('is a warning, once each', async () => {
    const { warnings } = await from([[minor], [minor, finding('a link', false)]], false);
    expect(warnings.map(({ message }) => message)).toEqual(['a directory', 'a link']);
  });

  it.each([0, 1, 2])('is an error if it is dangerous, unless the operator allows it (file %i)', async (index) => {
    const findings = Array.from({ length: 3 }, (_, each) => (each === index ? [minor, danger] : []));
    expect(await messageOf(from(findings, false))).toBe('a file');
    expect((await from(findings, true)).warnings.map(({ message }) => message)).toEqual(['a directory', 'a file']);
  });

  it('comes before what is found in them', async () => {
    const written = device.certificatePem + other.certificatePem;
    const certificate = { path: 'c', content: Buffer.from(written), mode: 0o600, owner: 0, findings: [minor] };
    const privateKey = { ...certificate, content: Buffer.from(device.keyPem) };
    const files = { certificate, privateKey, intermediates: undefined, trustAnchorBundle: undefined };
    const { warnings } = await identityFrom(files, { certificate: 'c', allowReadableKey: false }, context);
    expect(warnings.map(({ code }) => code)).toEqual(['FILE_WRITABLE_BY_OTHERS', 'CERTIFICATE_UNRELATED']);
  });
});

describe('the key of the next certificate', () => {
  const renew = { command: ['/renew'], at: 0.5, timeout: 1, environment: [], rekey: true } as const;

  function given(key: string, next: string | undefined): IdentityConfig {
    const privateKey = writeFile(key, { name: 'key' });
    if (next !== undefined) writeBeside(privateKey, next);
    return { certificate: writeFile(device.certificatePem), privateKey, allowReadableKey: false, renew };
  }

  function writeBeside(path: string, text: string): void {
    writeFileSync(`${path}.next`, text, { mode: 0o600 });
  }

  it('is used if the certificate is already the next one', async () => {
    const { identity } = await loadIdentity(given(other.keyPem, device.keyPem), context);
    expect(identity.certificate).toEqual(device.certificateDer);
  });

  it.each(['is missing', 'is another one too'])('does not hide the mismatch if it %s', async (state) => {
    const next = state === 'is missing' ? undefined : (await lower.issue()).keyPem;
    const loading = loadIdentity(given(other.keyPem, next), context);
    expect(await codeOf(loading)).toBe('KEY_CERTIFICATE_MISMATCH');
    expect(await messageOf(loading)).not.toContain('.next');
  });

  it('is reported if it cannot be read', async () => {
    expect(await codeOf(loadIdentity(given(other.keyPem, 'notes'), context))).toBe('IDENTITY_FILE_UNKNOWN_FORMAT');
  });

  it('is not looked for if the pair fits, fails in another way, or is not renewed with new keys', async () => {
    const asked: string[] = [];
    const read = (path: string) => {
      asked.push(path);
      return readFileContent(path);
    };
    const fitting = given(device.keyPem, other.keyPem);
    await loadIdentity(fitting, { ...context, read });
    const broken = given('notes', device.keyPem);
    expect(await codeOf(loadIdentity(broken, { ...context, read }))).toBe('IDENTITY_FILE_UNKNOWN_FORMAT');
    const kept = { ...given(other.keyPem, device.keyPem), renew: { ...renew, rekey: false } };
    expect(await codeOf(loadIdentity(kept, { ...context, read }))).toBe('KEY_CERTIFICATE_MISMATCH');
    expect(asked.filter((path) => path.endsWith('.next'))).toEqual([]);
    await loadIdentity(given(other.keyPem, device.keyPem), { ...context, read });
    expect(asked.filter((path) => path.endsWith('.next'))).toHaveLength(1);
  });
});

describe('an identity', () => {
  it('ends its chain at the trust anchor, and must reach it', async () => {
    const certificate = device.certificatePem + lower.certificatePem + root.certificatePem;
    const config = { certificate: writeFile(certificate + device.keyPem), allowReadableKey: false };
    const chainTo = async (anchor: Issued): Promise<readonly Buffer[]> => {
      const trustAnchorBundle = writeFile(anchor.certificatePem);
      return (await loadIdentity({ ...config, trustAnchorBundle }, context)).identity.chain;
    };
    expect(await chainTo(root)).toEqual([lower.certificateDer]);
    expect(await chainTo(lower)).toEqual([]);
    const elsewhere = await makeAuthority('Elsewhere');
    expect(await codeOf(chainTo(elsewhere))).toBe('TRUST_ANCHOR_UNREACHABLE');
  });

  it('with its key in another place does not read its PIN', async () => {
    const spki = createPublicKey(device.certificatePem).export({ format: 'der', type: 'spki' });
    const key = { source: { kind: 'ssh-agent' }, secret: undefined, publicKeys: [spki] } as const;
    const passphrase = { from: 'environment', variable: 'UNSET' } as const;
    const config = { certificate: writeFile(device.certificatePem), allowReadableKey: false, passphrase };
    const outside = { key, certificates: undefined };
    const { identity } = await loadIdentity(config, { ...context, outside });
    expect(identity).toMatchObject({ certificate: device.certificateDer, key: { kind: 'ssh-agent' } });
    const inFile = load({ certificate: device.certificatePem, privateKey: device.keyPem, passphrase });
    expect(await codeOf(inFile)).toBe('PASSPHRASE_VARIABLE_UNSET');
  });

  it('with its certificate in another place has its key in a file', async () => {
    const certificates = { certificates: [device.certificateDer], intermediates: [lower.certificateDer] };
    const config = {
      certificate: { kind: 'pkcs11', uri: 'pkcs11:', module: 'm' },
      privateKey: writeFile(device.keyPem),
      allowReadableKey: false,
    } as const;
    const outside = { key: undefined, certificates };
    const { identity } = await loadIdentity(config, { ...context, outside });
    expect(identity).toMatchObject({ certificate: device.certificateDer, chain: [lower.certificateDer] });
  });

  it('of a SPIFFE agent has both', async () => {
    const key = device.privateKey.export({ format: 'der', type: 'pkcs8' });
    const svid = { path: 'the agent', certificates: [device.certificateDer, lower.certificateDer], key };
    const config = { certificate: { kind: 'spiffe', socket: '/s' }, allowReadableKey: false } as never;
    const outside = { key: undefined, certificates: undefined, svid };
    const { identity } = await loadIdentity(config, { ...context, outside });
    expect(identity).toMatchObject({ certificate: device.certificateDer, chain: [lower.certificateDer] });
  });
});
