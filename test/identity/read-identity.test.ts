import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { readIdentity } from '../../src/identity/read-identity.ts';
import type { ReadIdentity } from '../../src/identity/watched-identity.ts';
import { type Authority, type Issued, makeAuthority, makeKeys } from '../support/pki.ts';
import { codeOf, NOW, writeFile } from './identity-directory.ts';

let authority: Authority;
let device: Issued;
beforeAll(async () => {
  authority = await makeAuthority();
  device = await authority.issue();
});

const context = { now: NOW, environment: {} };
const never = new AbortController().signal;
const unexpected: ReadIdentity = () => Promise.reject(new Error('read in a thread'));

/** Whether these files are left to a thread. */
async function isThreaded(config: Partial<IdentityConfig>): Promise<boolean> {
  let threaded = false;
  const inThread: ReadIdentity = () => {
    threaded = true;
    return Promise.reject(new Error('no thread here'));
  };
  await readIdentity({ certificate: '', allowReadableKey: false, ...config }, context, never, inThread).catch(
    () => undefined,
  );
  return threaded;
}

describe('an identity of a few PEM blocks', () => {
  it('is read in the calling thread', async () => {
    const certificate = writeFile(device.certificatePem);
    const privateKey = writeFile(device.keyPem);
    const config = { certificate, privateKey, allowReadableKey: false };
    const { identity } = await readIdentity(config, context, never, unexpected);
    expect(identity.certificate).toEqual(device.certificateDer);
  });

  it.each(['P-521', 'RSA-2048'] as const)('with a key of %s and a chain too', async (kind) => {
    const intermediate = await authority.subordinate('Intermediate');
    const leaf = await intermediate.issue({ keys: makeKeys(kind) });
    const file = writeFile(leaf.keyPem + leaf.certificatePem + intermediate.certificatePem + authority.certificatePem);
    expect(await isThreaded({ certificate: file })).toBe(false);
    expect(await isThreaded({ certificate: file, trustAnchorBundle: writeFile(authority.certificatePem) })).toBe(false);
  });

  it('fails like in a thread', async () => {
    const other = await authority.issue();
    const config = { certificate: writeFile(device.certificatePem), privateKey: writeFile(other.keyPem) };
    const reading = readIdentity({ ...config, allowReadableKey: false }, context, never, unexpected);
    expect(await codeOf(reading)).toBe('KEY_CERTIFICATE_MISMATCH');
    const missing = { certificate: join(writeFile('x'), '..', 'missing'), allowReadableKey: false };
    expect(await codeOf(readIdentity(missing, context, never, unexpected))).toBe('FILE_MISSING');
  });

  it('may come from a SPIFFE agent, with or without trust anchors in a file', async () => {
    const key = device.privateKey.export({ format: 'der', type: 'pkcs8' });
    const svid = { path: 'the agent', certificates: [device.certificateDer], key };
    const outside = { key: undefined, certificates: undefined, svid };
    const config = { certificate: { kind: 'spiffe' }, allowReadableKey: false } as const;
    const { identity } = await readIdentity(config, { ...context, outside }, never, unexpected);
    expect(identity.certificate).toEqual(device.certificateDer);
    const anchored = { ...config, trustAnchorBundle: writeFile(authority.certificatePem) };
    expect((await readIdentity(anchored, { ...context, outside }, never, unexpected)).warnings).toEqual([]);
  });

  it('is not read for a caller that has given up', async () => {
    const config = { certificate: writeFile(device.certificatePem + device.keyPem), allowReadableKey: false };
    await expect(readIdentity(config, context, AbortSignal.abort('gone'), unexpected)).rejects.toBe('gone');
  });
});

describe('a thread reads', () => {
  it('files with a passphrase', async () => {
    const certificate = writeFile(device.certificatePem + device.keyPem);
    expect(await isThreaded({ certificate, passphrase: { from: 'environment', variable: 'SECRET' } })).toBe(true);
  });

  it('PKCS#12 and other DER', async () => {
    expect(await isThreaded({ certificate: new URL('device.p12', import.meta.url).pathname })).toBe(true);
    const privateKey = writeFile(device.keyPem);
    expect(await isThreaded({ certificate: writeFile(device.certificateDer), privateKey })).toBe(true);
  });

  it('more than eight blocks, and large files', async () => {
    const privateKey = writeFile(device.keyPem);
    const blocks = (count: number): string => writeFile(device.certificatePem.repeat(count));
    expect(await isThreaded({ certificate: blocks(7), privateKey })).toBe(false);
    expect(await isThreaded({ certificate: blocks(8), privateKey })).toBe(true);
    expect(await isThreaded({ certificate: blocks(4), privateKey, intermediates: blocks(4) })).toBe(true);
    const most = 64 * 1024 - device.keyPem.length;
    const padded = (size: number): string => writeFile(device.certificatePem.padEnd(size));
    expect(await isThreaded({ certificate: padded(most), privateKey })).toBe(false);
    expect(await isThreaded({ certificate: padded(most + 1), privateKey })).toBe(true);
  });

  it('files that are not PEM', async () => {
    expect(await isThreaded({ certificate: writeFile('nothing of the kind') })).toBe(true);
  });
});
