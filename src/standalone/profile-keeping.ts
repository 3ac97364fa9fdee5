import type { Clock } from '../foundation/clock.ts';
import { messageOf } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { SessionKeeper } from '../sessions/session-keeper.ts';

export interface ProfileKeepingParts {
  readonly keeper: Pick<SessionKeeper, 'run' | 'current'>;
  readonly write: (session: RoleSession) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOK_EVERY_MS = 1_000;

/**
 * Writes each new session of a keeper, and retries failed writes, until the signal aborts. Never
 * rejects.
 */
export async function keepProfile(
  { keeper, write, clock, log }: ProfileKeepingParts,
  signal: AbortSignal,
): Promise<void> {
  const running = keeper.run(signal);
  let written: RoleSession | undefined;
  let trouble: string | undefined;
  while (!signal.aborted) {
    const session = keeper.current();
    if (session && session !== written)
      try {
        await write(session);
        written = session;
        trouble = undefined;
        log('info', 'profile updated', { accessKeyId: session.accessKeyId });
      } catch (error) {
        // Logged once per change of state. Every look tries again.
        if (trouble !== messageOf(error)) log('error', 'profile not updated; retrying', failureFields(error));
        trouble = messageOf(error);
      }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  await running;
}
