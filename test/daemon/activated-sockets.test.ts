import { expect, test } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { ActivatedSockets } from '../../src/daemon/activated-sockets.ts';

// Nothing here looks at more of a role than its name.
const roles = (...names: string[]): RoleConfig[] => names.map((name) => ({ name }) as RoleConfig);
const sockets = (...names: string[]) => names.map((name, index) => ({ name, descriptor: 3 + index }));

test('gives each role a new descriptor of the socket with its name, every time', () => {
  const given = new ActivatedSockets(sockets('uploader', 'reader'), (descriptor) => descriptor + 100);
  const both = roles('reader', 'uploader', 'other');
  expect(both.map(({ name }) => given.take(name, both))).toEqual([104, 103, undefined]);
  expect(given.take('reader', both)).toBe(104);
});

test('gives a single role a single socket of any name', () => {
  const given = new ActivatedSockets(sockets('imds-anywhere.socket'), (descriptor) => descriptor);
  expect(given.take('uploader', roles('uploader'))).toBe(3);
  expect(given.take('uploader', roles('uploader', 'reader'))).toBeUndefined();
});

test('names sockets that match no role', () => {
  const given = new ActivatedSockets(sockets('uploader', 'old'), undefined);
  expect(given.unused(roles('uploader', 'reader'))).toEqual(['old']);
  expect(given.unused(roles('uploader'))).toEqual(['old']);
});

test('a socket can be used once if descriptors cannot be duplicated', () => {
  const given = new ActivatedSockets(sockets('uploader'), undefined);
  expect(given.take('uploader', roles('uploader'))).toBe(3);
  expect(() => given.take('uploader', roles('uploader'))).toThrow(
    expect.objectContaining({ code: 'SOCKET_NEEDS_RESTART' }) as Error,
  );
});
