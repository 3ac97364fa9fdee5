import { expect, test } from 'vitest';
import { homeDirectory } from '../../src/foundation/home.ts';

test('HOME comes before the entry in passwd, and who has neither is at the root', () => {
  const nobody = (): string => {
    throw new Error('uv_os_homedir returned ENOENT');
  };
  expect(homeDirectory({ HOME: '/home/app' }, nobody)).toBe('/home/app');
  expect(homeDirectory({ HOME: '' }, () => '/var/lib/app')).toBe('/var/lib/app');
  expect(homeDirectory({}, nobody)).toBe('/');
});
