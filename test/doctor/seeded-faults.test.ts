import { rm } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { sessionFromDaemon } from '../../src/commands/daemon-session.ts';
import { anyEndpoint } from '../../src/commands/shell-variables.ts';
import { placeIn, requestStatus } from '../../src/commands/status-request.ts';
import { diagnose, type Diagnosis, STEPS } from '../../src/doctor/diagnosis.ts';
import type { Ports } from '../../src/doctor/step.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { run } from '../support/program.ts';
import { FAULTS, type SeededFault } from './faults.ts';
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

test('a running daemon is asked for its status, and one that cannot be asked is named', async () => {
  const scene = await Scene.at(site, 'asked');
  scene.config['admin'] = { socket: site.daemon.admin };
  const said = ({ steps }: Diagnosis): string => JSON.stringify(steps.find(({ name }) => name === 'endpoints'));
  const asked = await diagnosed(scene);
  expect(asked.exitCode).toBe(0);
  expect(said(asked)).toMatch(/the running daemon, version \d+\.\d+\.\d+: /);
  scene.config['admin'] = { listen: '127.0.0.1:1' };
  const silent = await diagnosed(scene);
  expect(silent.exitCode).toBe(0);
  expect(said(silent)).toContain('the status of the daemon: no status from http://127.0.0.1:1');
  scene.config['admin'] = { listen: '127.0.0.1:0' };
  const unknown = await diagnosed(scene);
  expect(unknown.exitCode).toBe(0);
  expect(said(unknown)).toContain('the status of the daemon: admin.listen has port 0');
});

describe('each fault alone, by the built program', () => {
  test.each(FAULTS)('$step: $code ($what)', async ({ step, code, what, seed }) => {
    const scene = await Scene.at(site, `alone: ${what}`.replaceAll(/\W+/g, '-'));
    await seed(scene);
    expect((await diagnosed(scene)).cause).toEqual({ step, code });
  });
});

/** The first fault of each step. */
const SAMPLES = FAULTS.filter(({ step }, index) => FAULTS.findIndex((fault) => fault.step === step) === index);

describe('a support bundle says the same again', () => {
  test.each(SAMPLES)('$step: $code', async ({ step, seed }) => {
    const scene = await Scene.at(site, `bundle-${step}`);
    await seed(scene);
    const bundle = scene.file('bundle.json');
    const written = await run(['doctor', await scene.finished(), '--bundle', bundle], { env: scene.environment });
    expect(written.stdout).toContain('The cause: ');
    await rm(scene.file('config.yaml'), { force: true });
    expect(await run(['doctor', '--from-bundle', bundle])).toEqual(written);
    const again = await run(['doctor', scene.file('config.yaml'), '--bundle', bundle]);
    expect(again).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('BUNDLE_NOT_WRITTEN') as string,
    });
  });
});

const ORDER = ['configuration', ...STEPS.map(({ name }) => name)];

const ports: Ports = {
  askSocket: sessionFromDaemon,
  askStatus: (admin) => requestStatus(placeIn(admin)),
  anyEndpoint,
};

/** Two faults at once: the one that is earlier in the path is seeded last, so that it is complete. */
async function firstOf(earlier: SeededFault, later: SeededFault, name: string): Promise<Diagnosis['cause']> {
  const scene = await Scene.at(site, name);
  await later.seed(scene);
  await earlier.seed(scene);
  const file = await scene.finished();
  const given = (flag: string): string | undefined =>
    scene.flags.includes(flag) ? scene.flags[scene.flags.indexOf(flag) + 1] : undefined;
  const { diagnosis } = await diagnose({
    ...{ file, role: undefined, user: given('--user'), isDry: false, userAgent: 'test' },
    withProfile: given('--with-profile'),
    ...{ environment: scene.environment, clock: systemClock, ports },
  });
  return diagnosis.cause;
}

/** ALL_PAIRS=1 takes every pair, which needs minutes. Otherwise each fault meets two of each later step. */
function pairs(): readonly (readonly [SeededFault, SeededFault])[] {
  const most = process.env['ALL_PAIRS'] ? Infinity : 2;
  return FAULTS.flatMap((earlier, index) =>
    ORDER.slice(ORDER.indexOf(earlier.step) + 1).flatMap((step) => {
      const later = FAULTS.filter((fault) => fault.step === step);
      const first = index % Math.max(later.length, 1);
      return [...later.slice(first), ...later.slice(0, first)].slice(0, most).map((one) => [earlier, one] as const);
    }),
  );
}

test('of two faults in different steps, the earlier one is the cause', { timeout: 600_000 }, async () => {
  const waiting = [...pairs().entries()];
  expect(waiting.length).toBeGreaterThan(700);
  const wrong: string[] = [];
  const work = async (): Promise<void> => {
    for (let taken = waiting.pop(); taken; taken = waiting.pop()) {
      const [number, [earlier, later]] = taken;
      const cause = await firstOf(earlier, later, `pair-${number}`);
      if (cause?.step !== earlier.step || cause.code !== earlier.code)
        wrong.push(`${earlier.what} + ${later.what}: ${JSON.stringify(cause)}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  expect(wrong).toEqual([]);
});
