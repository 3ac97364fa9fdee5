import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { expect, it, test } from 'vitest';
import { koffiPlaces, type Libc, loadLibc, nativePart } from '../../src/platform/libc.ts';
import { describeWith } from '../support/tools.ts';

const libc = await loadLibc();
const require = createRequire(import.meta.url);
const IPPROTO_IP = 0;
const IP_TTL = 2;

describeWith('koffi', libc !== undefined, 'the C library', () => {
  it('sets and reads an option of a socket of Node', async () => {
    const { getsockopt, setsockopt } = libc as Libc;
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    expect(setsockopt(fd, IPPROTO_IP, IP_TTL, Buffer.from([1, 0, 0, 0]), 4)).toBe(0);
    const value = Buffer.alloc(4);
    const length: [number] = [4];
    expect(getsockopt(fd, IPPROTO_IP, IP_TTL, value, length)).toBe(0);
    expect([value.readInt32LE(), length[0]]).toEqual([1, 4]);
    server.close();
  });

  it('reports why a call failed', () => {
    const { close, errno } = libc as Libc;
    expect(close(-1)).toBe(-1);
    expect(errno()).toBe(constants.errno.EBADF);
  });
});

const installed = koffiPlaces().find((place) => existsSync(place)) ?? '';

describeWith('koffi on glibc', nativePart(installed) !== undefined, 'the native part of koffi', () => {
  test('has all that koffi exports', () => {
    const native = require(nativePart(installed) ?? '') as object;
    const { default: whole, ...parts } = require(`${installed}/index.cjs`) as { readonly default: object };
    expect(whole).toBe(native);
    expect(Object.keys(native)).toEqual(expect.arrayContaining(Object.keys(parts)));
  });

  test('is not used on other systems', () => {
    expect(nativePart(installed, { platform: 'darwin', arch: process.arch })).toBeUndefined();
    expect(nativePart(installed, { platform: 'linux', arch: 'riscv64' })).toBeUndefined();
  });
});

test.each([
  ['/app', ['/app/node_modules/koffi', '/node_modules/koffi']],
  ['/home/a/b/dist', ['/home/a/b/dist/node_modules/koffi', '/home/a/b/node_modules/koffi']],
  [
    '/x/node_modules/imds-anywhere/dist',
    [
      '/x/node_modules/imds-anywhere/dist/node_modules/koffi',
      '/x/node_modules/imds-anywhere/node_modules/koffi',
      '/x/node_modules/koffi',
    ],
  ],
])('a program in %s looks for koffi only next to itself', (dist, places) => {
  expect(koffiPlaces(dist)).toEqual(places);
});
