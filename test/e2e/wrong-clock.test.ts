import { rename } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { faketimeLibrary } from '../support/faketime.ts';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

// The program's wall clock is wrong at the start and set later, with libfaketime. The emulator's
// clock is right.

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

/**
 * Timers continue, like on a real machine whose clock is set. The file is read again at each look
 * at the clock.
 */
async function wrongClock(
  name: string,
  time: string,
): Promise<{ env: Record<string, string>; set: () => Promise<void> }> {
  const file = await workshop.write(name, `${time}\n`);
  return {
    env: {
      LD_PRELOAD: faketimeLibrary(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set: async () => rename(await workshop.write(`${name}.set`, '+0\n'), file),
  };
}

const CASES = [
  { name: '1970', time: '@1970-01-01 00:00:10', code: 'CERTIFICATE_NOT_YET_VALID' },
  { name: '2100', time: '@2100-01-01 00:00:00', code: 'CERTIFICATE_EXPIRED' },
  { name: 'an-hour-ahead', time: '+1h', code: 'RA_CLOCK_OFF' },
];

describeWith('faketime', hasTool('faketime', '--version'), 'a daemon that boots with a wrong clock', () => {
  test.concurrent.each(CASES)(
    '$name: reports $code, and serves once the clock is set',
    async ({ name, time, code }) => {
      const clock = await wrongClock(name, time);
      const { program, url } = await workshop.daemon(onFreePort(emulator.config), { env: clock.env });
      await eventually(`${code} in ${program.stderr}`, 60_000, () => program.log.find((line) => line['code'] === code));
      expect((await readCredentials(url)).status).toBe(503);
      await clock.set();
      await eventually(`credentials: ${program.stderr}`, 90_000, async () => (await readCredentials(url)).document);
    },
    180_000,
  );
});
