import { beforeAll, describe, expect, test } from 'vitest';
import type { Diagnosis } from '../../src/doctor/diagnosis.ts';
import { run } from '../support/program.ts';
import { FAULTS } from './faults.ts';
import { Scene } from './scene.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
  return site.close;
});

async function diagnosed(scene: Scene): Promise<Diagnosis> {
  const args = ['doctor', await scene.finished(), '--json', ...scene.flags];
  const { stdout, stderr, code } = await run(args, { env: scene.environment });
  expect(stderr).toBe('');
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  expect(code).toBe(diagnosis.exitCode);
  return diagnosis;
}

test('a healthy device has no cause', async () => {
  const { cause, exitCode, steps } = await diagnosed(await Scene.at(site, 'healthy'));
  expect({ cause, exitCode }).toEqual({ cause: undefined, exitCode: 0 });
  expect(steps.map(({ outcome }) => outcome)).not.toContain('failed');
});

describe('each fault alone, by the built program', () => {
  test.each(FAULTS)('$step: $code ($what)', async ({ step, code, what, seed }) => {
    const scene = await Scene.at(site, `alone: ${what}`.replaceAll(/\W+/g, '-'));
    await seed(scene);
    expect((await diagnosed(scene)).cause).toEqual({ step, code });
  });
});
