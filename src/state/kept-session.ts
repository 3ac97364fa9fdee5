import { createHash, type KeyObject } from 'node:crypto';
import type { RoleConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { type ChainedTarget, sessionOwner, type TargetArns } from '../rolesanywhere/role-target.ts';
import type { BackgroundWrites } from './background-writes.ts';
import { openedSession } from './opened-session.ts';
import type { PrivateFiles } from './private-files.ts';
import { open, seal } from './sealing.ts';
import { sessionRecord } from './session-record.ts';
import { stateError } from './state-errors.ts';
import type { StateLog } from './state-log.ts';

/** Identifies the session of one role. */
export type HeldRole = TargetArns & ChainedTarget & Pick<RoleConfig, 'name' | 'roleSessionName'>;

/** The last session of one role, across restarts. */
export interface KeptSession {
  /**
   * The stored session, unless it has expired or is not trustworthy, which is logged.
   *
   * @param sealingKey - of the identity. Called only if there is something to open. Undefined for a
   * key that cannot be exported.
   * @throws only errors of `sealingKey`.
   */
  restored(sealingKey: () => Promise<KeyObject | undefined>): Promise<RoleSession | undefined>;
  /**
   * Replaces the stored session in the background.
   *
   * @param sealingKey - of the identity that it was granted to.
   */
  keep(session: RoleSession, sealingKey: KeyObject | undefined): void;
}

export interface KeptSessionParts {
  readonly files: PrivateFiles;
  readonly writes: BackgroundWrites;
  readonly clock: Clock;
  readonly log: StateLog;
  /** The configured sealing key, if there is one. */
  readonly ownKey: (() => Promise<KeyObject>) | undefined;
}

export const SESSION_FILES = /^session-[0-9a-f]{32}(\.[0-9a-f]+\.tmp)?$/;

export function keptSession(role: HeldRole, { files, writes, clock, log, ownKey }: KeptSessionParts): KeptSession {
  const context = contextOf(role);
  const name = `session-${createHash('sha256').update(context).digest('hex').slice(0, 32)}`;
  return {
    async restored(sealingKey) {
      const sealed = await saying(log, () => files.read(name));
      if (!sealed) return undefined;
      const key = ownKey ? await saying(log, ownKey) : await sealingKey();
      return key && saying(log, () => openedSession(role.name, open(sealed, key, context), clock.now()));
    },
    keep(session, sealingKey) {
      const key = ownKey ?? (sealingKey && ((): KeyObject => sealingKey));
      if (key) writes.put(name, async () => seal(sessionRecord(session), await key(), context));
      else
        log.lasting(stateError('STATE_NO_SEALING_KEY', `no key seals the session of ${role.name}: it is not stored`));
    },
  };
}

/** A stored session is served only if all of this is unchanged since the previous run. */
function contextOf(role: HeldRole): string {
  return JSON.stringify(['role session', role.name, ...sessionOwner(role), role.roleSessionName ?? null]);
}

async function saying<T>({ trouble }: StateLog, work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    trouble(error);
    return undefined;
  }
}
