import type { Fault } from '../../src/emulator/control/faults.ts';
import { breaks } from './breaks.ts';
import type { Dice } from './dice.ts';
import { suffer } from './emulator-control.ts';

const REFUSAL: Fault = { status: 403, message: 'Unable to assume role for arn:aws:iam::111122223333:role/device' };

const FAULTS: readonly Fault[] = [
  { latencyMs: 2_000 },
  { latencyMs: 30_000 },
  { hang: true },
  { reset: true },
  { latencyMs: 1_000, reset: true },
  { status: 500 },
  { status: 503, retryAfter: 2 },
  { status: 502, body: '<html>Bad gateway</html>' },
  { status: 429 },
  { status: 429, retryAfter: 3 },
  { body: 'not json' },
  { body: '{}' },
  { padding: 10 * 1024 * 1024 },
  { credentials: { sessionToken: null } },
  { credentials: { secretAccessKey: '' } },
  { credentials: { expiration: '2020-01-01T00:00:00Z' } },
  { credentials: { expiration: '2999-01-01T00:00:00Z' } },
  { credentials: { sessionToken: 'x'.repeat(100_000) } },
  { status: 307, location: '/elsewhere/sessions' },
  REFUSAL,
];

/**
 * Enables and disables faults at random until the signal aborts, then disables all. Returns their
 * number.
 */
export async function randomFaults(url: string, dice: Dice, signal: AbortSignal): Promise<number> {
  let count = 0;
  const pause = breaks(signal);
  while (await pause(dice.between(1, 12))) {
    await suffer(url, dice.oneOf(FAULTS));
    count += 1;
    await pause(dice.between(0.5, 12));
    await suffer(url);
  }
  return count;
}
