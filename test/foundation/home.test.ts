import { expect, test } from 'vitest';
import { homeDirectory } from '../../src/foundation/home.ts';

test('HOME takes precedence over passwd, and a user with neither gets /', () => {
  const nobody = (): string => {
    throw new Error('uv_os_homedir returned ENOENT');
  };
  expect(homeDirectory({ HOME: '/home/app' }, nobody)).toBe('/home/app');
  expect(homeDirectory({ HOME: '' }, () => '/var/lib/app')).toBe('/var/lib/app');
  expect(homeDirectory({}, nobody)).toBe('/');
});
