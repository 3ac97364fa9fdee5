import { writeFileSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { formFault, writeCertificate } from '../../src/renewal/certificate-file.ts';
import { justBefore } from '../files/support.ts';
import { someIdentity } from '../sessions/support.ts';
import { makeAuthority, pem } from '../support/pki.ts';

let file: string;
beforeEach(async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-renewal-'));
  file = path.join(directory, 'device.pem');
  return () => rm(directory, { recursive: true, force: true });
});

const identity = { ...someIdentity, certificate: Buffer.from('new'), chain: [Buffer.from('chain')] };
const written = pem(Buffer.from('new')) + pem(Buffer.from('chain'));

test('keeps the mode, the link to the file, and a private key in it', async () => {
  const { certificatePem, keyPem } = await (await makeAuthority()).issue();
  await writeFile(file, certificatePem + keyPem, { mode: 0o600 });
  await symlink(file, `${file}.link`);
  expect(await writeCertificate(`${file}.link`, await readFile(file), identity)).toBe(true);
  expect((await readFile(file, 'utf8')).trim()).toBe(`${written}${keyPem}`.trim());
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a new key replaces the one in the file', async () => {
  const authority = await makeAuthority();
  const [before, after] = [await authority.issue(), await authority.issue()];
  await writeFile(file, before.certificatePem + before.keyPem, { mode: 0o600 });
  expect(await writeCertificate(file, await readFile(file), identity, after.privateKey)).toBe(true);
  expect(await readFile(file, 'utf8')).toBe(written + after.keyPem);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test.runIf(process.getuid?.() === 0)('the owner stays when root renews a user’s certificate', async () => {
  await writeFile(file, 'old', { mode: 0o640 });
  await chown(file, 65_534, 65_533);
  expect(await writeCertificate(file, Buffer.from('old'), identity)).toBe(true);
  expect(await readFile(file, 'utf8')).toBe(written);
  const { uid, gid, mode } = await stat(file);
  expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 65_534, gid: 65_533, mode: 0o640 });
});

test('does not replace what another program has written', async () => {
  await writeFile(file, 'newer');
  expect(await writeCertificate(file, Buffer.from('older'), identity)).toBe(false);
  expect(await readFile(file, 'utf8')).toBe('newer');
});

test('does not replace what another program writes in the same moment', async () => {
  await writeFile(file, 'older');
  // The new content is on disk, and not yet in its place.
  await justBefore('sync', () => {
    writeFileSync(file, 'newer');
  });
  expect(await writeCertificate(file, Buffer.from('older'), identity)).toBe(false);
  expect(await readFile(file, 'utf8')).toBe('newer');
});

test('a place that cannot be written', async () => {
  const missing = path.join(file, 'device.pem');
  await writeFile(file, 'no directory');
  await expect(writeCertificate(missing, Buffer.alloc(0), identity)).rejects.toMatchObject({
    code: 'RENEWAL_NOT_WRITTEN',
  });
});

test('PKCS#12 is rejected before anything is asked', async () => {
  const content = await readFile('test/identity/device.p12');
  expect(formFault(file, content)?.code).toBe('RENEWAL_FILE_FORM');
  expect(formFault(file, Buffer.from(written))).toBeUndefined();
});
