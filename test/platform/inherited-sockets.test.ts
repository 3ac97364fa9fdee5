import { expect, test } from 'vitest';
import { inheritedSockets } from '../../src/platform/inherited-sockets.ts';

const two = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'uploader:reader' };

test.each([
  ['by name', two, ['uploader 3', 'reader 4']],
  ['without names', { LISTEN_PID: '7', LISTEN_FDS: '1' }, ['unknown 3']],
  ['with too few names', { ...two, LISTEN_FDNAMES: 'uploader' }, ['uploader 3', 'unknown 4']],
  ['for another process', { ...two, LISTEN_PID: '8' }, []],
  ['none', { ...two, LISTEN_FDS: '0' }, []],
  ['not a number', { ...two, LISTEN_FDS: 'two' }, []],
  ['no service manager', {}, []],
])('sockets %s', (_case, environment, sockets) => {
  expect(inheritedSockets(environment, 7).map(({ name, descriptor }) => `${name} ${descriptor}`)).toEqual(sockets);
});
