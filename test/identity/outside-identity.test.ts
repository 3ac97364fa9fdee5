import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { type LoadContext, loadIdentity } from '../../src/identity/load-identity.ts';
import { checkPrograms, secretOf, withOutsideContents, withOutsideKeys } from '../../src/identity/outside-identity.ts';
import type { LoadedIdentity } from '../../src/identity/signing-identity.ts';
import type { ReadIdentity } from '../../src/identity/watched-identity.ts';
import type { CommandSource, Pkcs11Source, TpmSource } from '../../src/keys/key-source.ts';
import type { OutsideKeys } from '../../src/keys/outside-keys.ts';
import { type Issued, makeAuthority } from '../support/pki.ts';
import { NOW, writeFile } from './identity-directory.ts';

const command: CommandSource = { kind: 'command', argv: ['/bin/true'], environment: [], timeoutMs: 1_000 };
const token: Pkcs11Source = { kind: 'pkcs11', uri: 'pkcs11:token=device', module: 'libsofthsm2.so' };
const { signal } = new AbortController();
const PIN = { passphrase: { from: 'environment', variable: 'PIN' } } as const;
const context: LoadContext = { now: NOW, environment: { PIN: '1234' } };

let device: Issued;
let issuer: Issued;
beforeAll(async () => {
  const root = await makeAuthority();
  const lower = await root.subordinate('Lower');
  issuer = lower;
  device = await lower.issue();
});

const spki = (): Buffer => createPublicKey(device.certificatePem).export({ format: 'der', type: 'spki' });

/** A token with one key, its certificate and the issuer's. Notes what it is asked for. */
function keys(parts: Partial<OutsideKeys> = {}) {
  const asked: string[] = [];
  const note = (what: string, secret: KeyObject | undefined): void => {
    asked.push(`${what} ${secret?.export().toString() ?? 'without a secret'}`);
  };
  const all: OutsideKeys = {
    sign: ({ key }, data) => {
      asked.push(`sign ${data.length} bytes with ${key.kind}`);
      return Promise.resolve(randomBytes(64));
    },
    publicKeys: (_, secret) => {
      note('keys', secret);
      return Promise.resolve([spki()]);
    },
    certificates: (_, secret) => {
      note('certificates', secret);
      return Promise.resolve({ certificates: [device.certificateDer], intermediates: [issuer.certificateDer] });
    },
    ...parts,
  };
  return { all, asked };
}

/** Only files, whatever else there is. */
const readFiles: ReadIdentity = (config, given) => loadIdentity(config, given);

function read(changes: Partial<IdentityConfig>, all: OutsideKeys, wrap = withOutsideKeys): Promise<LoadedIdentity> {
  const config: IdentityConfig = { certificate: writeFile(device.certificatePem), allowReadableKey: false, ...changes };
  return wrap(readFiles, all)(config, context, signal);
}

describe('an identity', () => {
  test('in files needs no other key', async () => {
    const { all, asked } = keys();
    const { identity } = await read({ privateKey: writeFile(device.keyPem) }, all);
    expect([identity.key.kind, asked]).toEqual(['file', []]);
    const given = await withOutsideContents(
      (_, inFiles) => Promise.reject(new Error(Object.keys(inFiles).join())),
      all,
    )({ certificate: 'device.pem', allowReadableKey: false }, context, signal).catch(
      (error: unknown) => (error as Error).message,
    );
    expect(given).toBe('now,environment');
  });

  test('whose key is in another place is proven by one signature of 32 bytes', async () => {
    const { all, asked } = keys();
    const { identity } = await read({ privateKey: command, ...PIN }, all);
    expect(identity).toMatchObject({ certificate: device.certificateDer, key: { kind: 'command' } });
    expect(asked).toEqual(['keys 1234', 'sign 32 bytes with command']);
  });

  test('is not used if that signature fails', async () => {
    const { all } = keys({ sign: () => Promise.reject(new Error('refused')) });
    await expect(read({ privateKey: command }, all)).rejects.toThrow('refused');
  });

  test('is not used if another key is in that place', async () => {
    const other = await (await makeAuthority()).issue();
    const spkiOfOther = createPublicKey(other.certificatePem).export({ format: 'der', type: 'spki' });
    const { all } = keys({ publicKeys: () => Promise.resolve([spkiOfOther]) });
    await expect(read({ privateKey: command }, all)).rejects.toMatchObject({ code: 'KEY_CERTIFICATE_MISMATCH' });
  });

  test('of a command that signs at once is read without that signature', async () => {
    const { all, asked } = keys();
    await read({ privateKey: command }, all, withOutsideContents);
    expect(asked).toEqual(['keys without a secret']);
  });

  test('that is on a token altogether has the certificates of the token', async () => {
    const { all, asked } = keys();
    const { identity } = await read({ certificate: token, privateKey: token, ...PIN }, all, withOutsideContents);
    expect([identity.certificate, identity.chain]).toEqual([device.certificateDer, [issuer.certificateDer]]);
    expect(asked).toEqual(['certificates 1234', 'keys 1234']);
  });

  test('may have its certificate on a token and its key in a file', async () => {
    const { all, asked } = keys();
    const { identity } = await read({ certificate: token, privateKey: writeFile(device.keyPem) }, all);
    expect([identity.key.kind, asked]).toEqual(['file', ['certificates without a secret']]);
  });

  test('on a token is the selected one', async () => {
    const { all } = keys();
    const selected = (subject: string): Promise<LoadedIdentity> =>
      read({ certificate: token, privateKey: token, certificateSelector: { subject } }, all, withOutsideContents);
    await expect(selected('CN=nobody')).rejects.toMatchObject({ code: 'CERTIFICATE_NOT_SELECTED' });
    expect((await selected('CN=device-0001,O=Example')).identity.subject).toBe('CN=device-0001, O=Example');
  });
});

describe('a program that others can change', () => {
  const at = (mode: number): CommandSource => ({ ...command, argv: [writeFile('#!/bin/sh', { mode })] });
  const config = (privateKey: CommandSource, allowReadableKey = false): IdentityConfig => ({
    certificate: 'device.pem',
    privateKey,
    allowReadableKey,
  });

  test('does not sign', async () => {
    await expect(checkPrograms(config(at(0o777)))).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
    const { all, asked } = keys();
    await expect(read({ privateKey: at(0o777) }, all)).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
    expect(asked).toEqual([]);
  });

  test('or replace does not sign either', async () => {
    const program = at(0o755);
    chmodSync(path.dirname(program.argv[0]), 0o777);
    await expect(checkPrograms(config(program))).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
  });

  test('or a script that an interpreter is given', async () => {
    const script = (mode: number): CommandSource => ({
      ...command,
      argv: ['/bin/sh', '-e', writeFile('echo', { mode }), '/nonexistent/output', '/dev/null'],
    });
    await expect(checkPrograms(config(script(0o666)))).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
    await expect(checkPrograms(config(script(0o644)))).resolves.toBeUndefined();
    await expect(checkPrograms(config(script(0o666), true))).resolves.toBeUndefined();
  });

  test('is another thing than a file that is only read, which is checked when it is read', async () => {
    const certificate = writeFile('a certificate', { mode: 0o666 });
    await expect(checkPrograms({ ...config(at(0o755)), certificate })).resolves.toBeUndefined();
  });

  test('signs if the operator allows it', async () => {
    await checkPrograms(config(at(0o777), true));
    await checkPrograms(config(at(0o755)));
  });
});

describe('the secret of a key', () => {
  const secret = async (
    changes: Partial<IdentityConfig>,
    environment: LoadContext['environment'],
  ): Promise<unknown> => {
    const config = { certificate: 'device.pem', privateKey: command, allowReadableKey: false, ...changes };
    return (await secretOf(config, { now: NOW, environment }))?.export().toString();
  };
  const tpm: TpmSource = { kind: 'tpm', key: { handle: 0x81010001 } };

  test('is the passphrase', async () => {
    expect(await secret({ ...PIN }, { PIN: 'päss' })).toBe('päss');
    expect(await secret({}, { PIN: '1234' })).toBeUndefined();
  });

  test('is read from its file under the same rule as the key', async () => {
    const file = writeFile('1234\n', { mode: 0o666 });
    const passphrase = { from: 'file', path: file } as const;
    await expect(secret({ passphrase }, {})).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
    expect(await secret({ passphrase, allowReadableKey: true }, {})).toBe('1234');
  });

  test('of a TPM has the passwords of its parent and owner too', async () => {
    const parentPassword = { from: 'environment', variable: 'PARENT' } as const;
    const all = await secret({ ...PIN, privateKey: tpm, tpm: { parentPassword } }, { PIN: '1234', PARENT: 'upper' });
    expect(all).toContain('1234');
    expect(all).toContain('upper');
    expect(await secret({ privateKey: tpm }, {})).toBeUndefined();
  });
});
