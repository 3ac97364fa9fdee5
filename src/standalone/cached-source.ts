import { createHash } from 'node:crypto';
import type { Lock } from '../files/file-lock.ts';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError, type CodedError, messageOf } from '../foundation/errors.ts';
import { SayOnce } from '../foundation/say-once.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { afterGrant } from '../sessions/refresh-policy.ts';
import type { CachedSession } from '../state/cached-session.ts';
import type { SessionSource } from './session-request.ts';
import { standaloneError } from './standalone-errors.ts';

export interface CacheParts {
  readonly cache: Pick<CachedSession, 'find' | 'keep'>;
  /** Undefined while another process makes the call. */
  readonly lock: () => Promise<Lock | undefined>;
  readonly clock: Clock;
  readonly warn: (warning: CodedError) => void;
}

/** A call takes at most 15 s, and deriving a key one second. */
const LONGEST_WAIT_MS = 20_000;
/** Older locks are taken over: their process hangs, or has paused after a failure. */
export const LONGEST_LOCK_MS = 60_000;
const LOOK_EVERY_MS = 50;

/**
 * Returns the session of an earlier run until its renewal is due. Then asks `source` for another
 * one. Of several concurrent runs only one asks. The others wait for it, or use the cached session
 * while it is valid. A cache failure is a warning and costs a call. A service failure is a warning
 * while there is a valid session.
 */
export function cachedSource(source: SessionSource, parts: CacheParts): SessionSource {
  const { clock, lock } = parts;
  const find = findIn(parts);
  return async () => {
    const giveUpAt = clock.monotonic() + LONGEST_WAIT_MS;
    for (;;) {
      const held = await find();
      if (held && clock.now() < renewalOf(held)) return held;
      const taken = await lock();
      // The previous holder may have just released it.
      if (taken) return renew(source, (await find()) ?? held, taken, parts);
      if (held) return held;
      if (clock.monotonic() > giveUpAt) return source();
      await clock.sleep(LOOK_EVERY_MS);
    }
  };
}

async function renew(
  source: SessionSource,
  held: RoleSession | undefined,
  taken: Lock,
  { cache, clock, warn }: CacheParts,
): Promise<RoleSession> {
  let isResting = false;
  try {
    if (held && clock.now() < renewalOf(held)) return held;
    const session = await source();
    await cache.keep(session).catch((error: unknown) => {
      warn(standaloneError('CACHE_NOT_WRITTEN', messageOf(error), error));
    });
    return session;
  } catch (error) {
    if (!held) throw error;
    const { code, message } = asCodedError(error);
    warn(standaloneError('SESSION_NOT_RENEWED', `${code}: ${message}`, error));
    // In an outage, every run would wait for the service. So only one run per minute does.
    isResting = held.expiration - clock.now() > LONGEST_LOCK_MS;
    return held;
  } finally {
    await (isResting ? taken.rest() : taken.release());
  }
}

function findIn({ cache, clock, warn }: CacheParts): () => Promise<RoleSession | undefined> {
  const said = new SayOnce();
  return async () => {
    try {
      return await cache.find(clock.now());
    } catch (error) {
      if (said.isNews('cache', 'not used')) warn(standaloneError('CACHE_NOT_USED', messageOf(error), error));
      return undefined;
    }
  };
}

/**
 * When renewal of a session is due, by the daemon's policy. The draw is derived from the session,
 * because many processes must come to the same result.
 */
export function renewalOf(session: RoleSession): number {
  const draw = createHash('sha256').update(session.accessKeyId).digest().readUInt32BE(0) / 2 ** 32;
  return afterGrant(session, draw, false).renewAt;
}
