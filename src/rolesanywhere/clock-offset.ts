import type { CodedError } from '../foundation/errors.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';
import type { HttpAnswer } from './send.ts';

/**
 * The service does not document its window. SigV4 elsewhere allows 5 to 15 minutes. Half an hour
 * was refused, with only "Invalid signature".
 */
const TOLERATED_MS = 5 * 60_000;

/** RFC 9110 5.6.7, the only form that senders may use. */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Milliseconds since the epoch. */
export function parseHttpDate(text: string | undefined): number | undefined {
  const time = text !== undefined && IMF_FIXDATE.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

/**
 * RA_CLOCK_OFF, if the Date of the answer shows that the local clock is wrong enough to explain the
 * answer `what`.
 */
export function clockError(
  { headers }: Pick<HttpAnswer, 'headers'>,
  now: number,
  what: string,
): CodedError | undefined {
  const theirs = parseHttpDate(headers['date']);
  if (theirs === undefined || Math.abs(now - theirs) <= TOLERATED_MS) return undefined;
  const seconds = Math.round(Math.abs(now - theirs) / 1000);
  const direction = now > theirs ? 'ahead of' : 'behind';
  return rolesAnywhereError(
    'RA_CLOCK_OFF',
    `the clock of this machine is ${seconds} seconds ${direction} the service's; ${what}`,
  );
}
