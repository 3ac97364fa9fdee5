import { createHash, type KeyObject } from 'node:crypto';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { SESSION_FILES } from './kept-session.ts';
import { openedSession } from './opened-session.ts';
import type { PrivateFiles } from './private-files.ts';
import { open, seal } from './sealing.ts';
import { sessionRecord } from './session-record.ts';

/** The session of one request, stored between runs of a command. */
export interface CachedSession {
  /** Name of its file and of what belongs to it. */
  readonly name: string;
  /**
   * @returns the stored session, unless it has expired.
   * @throws errors of the files and the sealing.
   */
  find(now: number): Promise<RoleSession | undefined>;
  /** Replaces the stored session. @throws errors of the files. */
  keep(session: RoleSession): Promise<void>;
}

export interface CachedSessionParts {
  /** Everything that identifies the session: the same text means the same session. */
  readonly request: string;
  /** For messages. */
  readonly roleName: string;
  readonly files: PrivateFiles;
  /** The key that seals it; undefined: one that cannot be exported, so nothing is stored. */
  readonly key: () => Promise<KeyObject | undefined>;
}

/** No session lasts longer than twelve hours. */
const OUTLIVED_MS = 13 * 3_600_000;

export function cachedSession({ request, roleName, files, key }: CachedSessionParts): CachedSession {
  const context = JSON.stringify(['cached session', request]);
  const name = `session-${createHash('sha256').update(context).digest('hex').slice(0, 32)}`;
  return {
    name,
    async find(now) {
      const sealed = await files.read(name);
      const sealingKey = sealed && (await key());
      return sealingKey && openedSession(roleName, open(sealed, sealingKey, context), now);
    },
    async keep(session) {
      const sealingKey = await key();
      if (!sealingKey) return;
      await files.write(name, seal(sessionRecord(session), sealingKey, context));
      await files.sweep(SESSION_FILES, session.receivedAt - OUTLIVED_MS).catch(() => undefined);
    },
  };
}
