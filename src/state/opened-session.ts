import { isoSeconds } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { Opened } from './sealing.ts';
import { sessionIn } from './session-record.ts';
import { stateError } from './state-errors.ts';

/** The clock difference to the service that is still normal. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/**
 * Opens the sealed session of a role, unless it has expired.
 *
 * @param now - milliseconds since the epoch.
 * @throws STATE_DAMAGED, _OTHER_VERSION, _OTHER_KEY, _FROM_FUTURE
 */
export function openedSession(name: string, opened: Opened, now: number): RoleSession | undefined {
  if (!opened.ok) throw closed(name, opened.why);
  const session = sessionIn(opened.content);
  if (!session) throw closed(name, 'other version');
  const { receivedAt, expiration } = session;
  if (receivedAt > now + CLOCK_TOLERANCE_MS)
    throw stateError(
      'STATE_FROM_FUTURE',
      `the session stored for ${name} was granted at ${isoSeconds(receivedAt)}, and here it is ${isoSeconds(now)}`,
    );
  return expiration > now ? session : undefined;
}

function closed(role: string, why: 'damaged' | 'other version' | 'other key'): CodedError {
  switch (why) {
    case 'damaged':
      return stateError('STATE_DAMAGED', `the session stored for ${role} is damaged`);
    case 'other version':
      return stateError('STATE_OTHER_VERSION', `the session stored for ${role} has the format of another version`);
    case 'other key':
      return stateError('STATE_OTHER_KEY', `the session stored for ${role} was sealed with another key`);
  }
}
