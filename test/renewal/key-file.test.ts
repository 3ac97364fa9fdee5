import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { PairFiles } from '../../src/identity/next-key.ts';
import { settleNextKey, writePair } from '../../src/renewal/key-file.ts';
import { someIdentity } from '../sessions/support.ts';
import { isRoot } from '../support/as-user.ts';
import { type Issued, makeAuthority } from '../support/pki.ts';
import { describeWith } from '../support/tools.ts';

// Crashes at each step: test/e2e/renewal.test.ts.

let directory: string;
let files: PairFiles;
let previous: Issued;
let next: Issued;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-renewal-'));
  const [certificate, privateKey] = [path.join(directory, 'device.pem'), path.join(directory, 'device.key')];
  files = { certificate, privateKey, nextKey: `${privateKey}.next`, allowReadableKey: false };
  const authority = await makeAuthority();
  [previous, next] = [await authority.issue(), await authority.issue()];
  await writeFile(certificate, previous.certificatePem);
  await writeFile(privateKey, previous.keyPem, { mode: 0o600 });
  return () => rm(directory, { recursive: true, force: true });
});

const renewed = () => ({ ...someIdentity, certificate: next.certificateDer, chain: [] });
const key = () => readFile(files.privateKey, 'utf8');

test('certificate and key are replaced', async () => {
  expect(await writePair(files, await readFile(files.certificate), renewed(), next.privateKey)).toBe(true);
  expect(await readFile(files.certificate, 'utf8')).toBe(next.certificatePem);
  expect(await key()).toBe(next.keyPem);
  expect((await readdir(directory)).toSorted()).toEqual(['device.key', 'device.pem']);
});

test('a new key has the mode of the previous one', async () => {
  for (const mode of [0o600, 0o440]) {
    await chmod(files.privateKey, mode);
    const before = await readFile(files.certificate);
    expect(await writePair(files, before, renewed(), next.privateKey)).toBe(true);
    expect((await stat(files.privateKey)).mode & 0o777).toBe(mode);
  }
});

test.runIf(process.getuid?.() === 0)('a new key has the group of the previous one', async () => {
  await chown(files.privateKey, 0, 65_533);
  expect(await writePair(files, await readFile(files.certificate), renewed(), next.privateKey)).toBe(true);
  expect(await stat(files.privateKey)).toMatchObject({ uid: 0, gid: 65_533 });
});

test('the next key is in use if its certificate is there, whatever chain is behind it', async () => {
  const authority = await makeAuthority();
  await writeFile(files.certificate, next.certificatePem + authority.certificatePem);
  await writeFile(files.nextKey, next.keyPem, { mode: 0o600 });
  await settleNextKey(files);
  expect(await key()).toBe(next.keyPem);
});

test('another program has written a certificate: the key stays', async () => {
  expect(await writePair(files, Buffer.from('other'), renewed(), next.privateKey)).toBe(false);
  expect(await key()).toBe(previous.keyPem);
  expect((await readdir(directory)).toSorted()).toEqual(['device.key', 'device.pem']);
});

test('the only key of the certificate is never overwritten', async () => {
  await writeFile(files.certificate, next.certificatePem);
  await writeFile(files.nextKey, next.keyPem, { mode: 0o600 });
  const third = await (await makeAuthority()).issue();
  expect(await writePair(files, Buffer.from('other'), renewed(), third.privateKey)).toBe(false);
  expect(await key()).toBe(next.keyPem);
});

test('a file of another kind is left alone', async () => {
  await writeFile(files.nextKey, 'notes\n', { mode: 0o600 });
  const writing = writePair(files, await readFile(files.certificate), renewed(), next.privateKey);
  await expect(writing).rejects.toMatchObject({ code: 'RENEWAL_NOT_WRITTEN' });
  expect(await readFile(files.nextKey, 'utf8')).toBe('notes\n');
  expect(await readFile(files.certificate, 'utf8')).toBe(previous.certificatePem);
});

test('a next key that other users can change is rejected', async () => {
  await writeFile(files.certificate, next.certificatePem);
  await writeFile(files.nextKey, next.keyPem);
  await chmod(files.nextKey, 0o666);
  await expect(settleNextKey(files)).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
  expect(await key()).toBe(previous.keyPem);
});

describe('access that the operator allows with allowReadableKey', () => {
  async function expectSame(): Promise<void> {
    const { mode, uid, gid } = await stat(files.privateKey);
    const allowed = { ...files, allowReadableKey: true };
    expect(await writePair(allowed, await readFile(files.certificate), renewed(), next.privateKey)).toBe(true);
    expect(await stat(files.privateKey)).toMatchObject({ mode, uid, gid });
    expect(await key()).toBe(next.keyPem);
    expect((await readdir(directory)).toSorted()).toEqual(['device.key', 'device.pem']);
  }

  test('a new key that every user can write, like the previous one', async () => {
    await chmod(files.privateKey, 0o666);
    await expectSame();
  });

  describeWith('root', isRoot, 'as root', () => {
    test.each([0o600, 0o640, 0o666])('a new key of another user, with mode %o', async (mode) => {
      await chown(files.privateKey, 65_533, 65_532);
      await chmod(files.privateKey, mode);
      await expectSame();
    });
  });

  test.each(['next.pem', 'previous.pem'])('after a crash, with the certificate of %s', async (which) => {
    const isNext = which === 'next.pem';
    await writeFile(files.certificate, isNext ? next.certificatePem : previous.certificatePem);
    await writeFile(files.nextKey, next.keyPem);
    await Promise.all([files.privateKey, files.nextKey].map((file) => chmod(file, 0o666)));
    await settleNextKey({ ...files, allowReadableKey: true });
    expect(await key()).toBe(isNext ? next.keyPem : previous.keyPem);
    expect((await readdir(directory)).toSorted()).toEqual(['device.key', 'device.pem']);
  });
});

describe('a key whose access others have changed since it was read: nothing is written', () => {
  async function expectNothing(): Promise<void> {
    const before = await readFile(files.certificate);
    await expect(writePair(files, before, renewed(), next.privateKey)).rejects.toMatchObject({
      code: 'RENEWAL_NOT_WRITTEN',
      message: expect.stringContaining('device.key') as string,
    });
    expect(await readFile(files.certificate, 'utf8')).toBe(previous.certificatePem);
    expect(await key()).toBe(previous.keyPem);
    expect((await readdir(directory)).toSorted()).toEqual(['device.key', 'device.pem']);
  }

  test('every user can write it', async () => {
    await chmod(files.privateKey, 0o622);
    await expectNothing();
  });

  describeWith('root', isRoot, 'as root', () => {
    test('another user owns it', async () => {
      await chown(files.privateKey, 65_533, 65_533);
      await expectNothing();
    });
  });
});
