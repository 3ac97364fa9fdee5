import { expect, test } from 'vitest';
import { unwritablePlaces } from '../../src/doctor/written-places.ts';

const OTHER_USER = { name: 'the user x', uid: undefined, gids: [] };
const STATE = { path: ['stateDirectory'], at: '/etc/absent/state', use: { makes: true, owns: true } };

async function reported(made: readonly string[], user: typeof OTHER_USER | { name: string; uid: number; gids: [] }) {
  const found = await unwritablePlaces([STATE, STATE], user, { made, severity: 'error' });
  return found.map(({ path, error }) => `${path.join('.')} ${error.code} ${error.message}`);
}

test('a directory that cannot be made is reported once', async () => {
  const [only, ...more] = await reported([], OTHER_USER);
  expect(more).toEqual([]);
  expect(only).toMatch(
    /^stateDirectory SERVICE_CANNOT_WRITE the user x cannot write \/etc\/absent\/state: \/etc has mode 0755 and belongs to 0:/,
  );
});

test('nothing is reported in a directory that systemd makes, nor for root', async () => {
  expect(await reported(['/etc/absent'], OTHER_USER)).toEqual([]);
  expect(await reported(['/etc/absent/state'], OTHER_USER)).toEqual([]);
  expect(await reported(['/etc/abs'], OTHER_USER)).toHaveLength(1);
  expect(await reported([], { name: 'root', uid: 0, gids: [] })).toEqual([]);
});
