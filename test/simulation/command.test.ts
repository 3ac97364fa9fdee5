import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { simulate } from './command.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'simulate-'));
});
afterAll(() => rm(directory, { recursive: true }));

test('prints the findings and a plot', async () => {
  const plot = path.join(directory, 'fleet.svg');
  const printed = await simulate(['--hosts', '100', '--session', '15m', '--outage', '10m', '--plot', plot]);
  expect(printed).toMatch(/^100 hosts, sessions of 15 min: the line comes back after 10 min\n/);
  expect(printed).toMatch(/half, 90 %, all hosts hold a session at +\d+ s, \d+ s, \d+ s\n/);
  // Five quiet minutes, ten of outage. The hosts lost their sessions before minute 0.
  expect(printed).toMatch(/\n +-15 .*\n +-10 +0\.0 +0\.0 +- .*\n/);
  expect(await readFile(plot, 'utf8')).toMatch(/^<svg [^]*offered[^]*admitted[^]*<\/svg>\n$/);
});

test.each([
  { args: ['--hosts', '0'], says: '--hosts is 0' },
  { args: ['--session', '1 hour'], says: '--session is 1 hour' },
  { args: ['--scenario', 'flood'], says: 'power' },
  { args: ['--sesion', '1h'], says: '--sesion' },
])('$args is rejected by name', async ({ args, says }) => {
  await expect(simulate(args)).rejects.toThrow(says);
});
