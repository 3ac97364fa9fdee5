import { createSecretKey, type KeyObject } from 'node:crypto';
import { readdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type CachedSession, cachedSession } from '../../src/state/cached-session.ts';
import { privateFiles } from '../../src/state/private-files.ts';
import { freshDirectory, HOUR, session } from './support.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const KEY = createSecretKey(Buffer.alloc(32, 1));

interface Given {
  readonly directory: string;
  readonly request?: string;
  readonly key?: KeyObject | undefined;
}

function cache({ directory, request = 'one request', ...given }: Given): CachedSession {
  const key = 'key' in given ? given.key : KEY;
  return cachedSession({
    request,
    roleName: 'uploader',
    files: privateFiles(directory),
    key: () => Promise.resolve(key),
  });
}

test('finds the session of the same request until it expires', async () => {
  const directory = await freshDirectory();
  await cache({ directory }).keep(session(NOW));
  const found = await cache({ directory }).find(NOW + HOUR - 1);
  expect(found).toEqual(session(NOW));
  expect(found?.secretAccessKey.reveal()).toBe('marked-secret-access-key');
  expect(await cache({ directory }).find(NOW + HOUR)).toBeUndefined();
});

test('does not find that of another request, nor one under a name that is not its own', async () => {
  const directory = await freshDirectory();
  await cache({ directory }).keep(session(NOW));
  const other = cache({ directory, request: 'another request' });
  expect(await other.find(NOW)).toBeUndefined();
  const { name } = cache({ directory });
  const files = privateFiles(directory);
  await files.write(other.name, (await files.read(name)) ?? Buffer.alloc(0));
  await expect(other.find(NOW)).rejects.toMatchObject({ code: 'STATE_DAMAGED' });
});

test('does not open that of another key', async () => {
  const directory = await freshDirectory();
  await cache({ directory }).keep(session(NOW));
  const other = createSecretKey(Buffer.alloc(32, 2));
  await expect(cache({ directory, key: other }).find(NOW)).rejects.toMatchObject({ code: 'STATE_OTHER_KEY' });
});

test('stores and finds nothing with a key that cannot be exported', async () => {
  const directory = await freshDirectory();
  await cache({ directory, key: undefined }).keep(session(NOW));
  await expect(readdir(directory)).rejects.toThrow('ENOENT');
  await cache({ directory }).keep(session(NOW));
  expect(await cache({ directory, key: undefined }).find(NOW)).toBeUndefined();
});

test('needs no key if nothing is stored', async () => {
  const failing = cachedSession({
    request: 'one request',
    roleName: 'uploader',
    files: privateFiles(await freshDirectory()),
    key: () => Promise.reject(new Error('the key was read')),
  });
  expect(await failing.find(NOW)).toBeUndefined();
});

test('has a name that says nothing about the request', async () => {
  const directory = await freshDirectory();
  // SHA-256 of ["cached session","one request"], by `openssl dgst -sha256`.
  expect(cache({ directory }).name).toBe('session-dab194ad81556df9209f461bb4d67be3');
});

test('removes sessions that nothing has replaced for thirteen hours', async () => {
  const directory = await freshDirectory();
  const [old, recent, other] = ['old', 'recent', 'new'].map((request) => cache({ directory, request }));
  for (const [each, hours] of [
    [old, 13],
    [recent, 12],
  ] as const) {
    await each?.keep(session(NOW));
    const at = new Date(NOW - hours * HOUR - 1);
    await utimes(path.join(directory, each?.name ?? ''), at, at);
  }
  await other?.keep(session(NOW));
  expect((await readdir(directory)).sort()).toEqual([recent?.name, other?.name].sort());
});
