import { expect, test } from 'vitest';
import { hostAndPort, isInRange, isLoopback, plainHost } from '../../src/foundation/address.ts';

test.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['[::1]', true],
  ['0:0:0:0:0:0:0:1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
  ['128.0.0.1', false],
  ['0.0.0.0', false],
  ['[::]', false],
  ['', false],
])('only this machine reaches %s: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

test('an IPv6 address has brackets in a URL only', () => {
  expect(hostAndPort({ host: '::1', port: 80 })).toBe('[::1]:80');
  expect(hostAndPort({ host: '127.0.0.1', port: 80 })).toBe('127.0.0.1:80');
  expect([plainHost('[::1]'), plainHost('localhost')]).toEqual(['::1', 'localhost']);
});

test.each([
  ['10.1.2.3', '10.0.0.0/8', true],
  ['11.1.2.3', '10.0.0.0/8', false],
  ['10.1.2.3', '10.1.2.3', true],
  ['::1', '0:0:0:0:0:0:0:1', true],
  ['fd00::1', 'fd00::/8', true],
  ['10.1.2.3', '10.0.0.0/33', false],
  ['10.1.2.3', '10.0.0.0/', false],
  ['10.1.2.3', '10.0.0.0/eight', false],
  ['10.1.2.3', '::/0', false],
  ['10.1.2.3', 'ten.example.com', false],
])('%s is in %s: %s', (address, range, expected) => {
  expect(isInRange(address, range)).toBe(expected);
});
