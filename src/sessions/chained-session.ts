import { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { FirstHop } from './first-hop.ts';
import type { CreateSession } from './session-keeper.ts';

export interface ChainParts {
  readonly firstHop: Pick<FirstHop, 'session' | 'discard'>;
  /** The call for the first role. */
  readonly createSession: CreateSession;
  /** The call for the second role, with a session of the first. */
  readonly assumeRole: (first: RoleSession) => CreateSession;
}

/**
 * A session of a second role: one more `CreateSession` around another one. If STS does not accept
 * the session of the first role, asks once more with a new one.
 */
export function chainedSession({ firstHop, createSession, assumeRole }: ChainParts): CreateSession {
  return async (identity, signal) => {
    const first = await firstHop.session(createSession, identity);
    try {
      return await assumeRole(first)(identity, signal);
    } catch (error) {
      if (signal.aborted || !isAboutFirst(error)) throw error;
      firstHop.discard(first);
      const next = await firstHop.session(createSession, identity);
      if (next === first) throw error;
      return assumeRole(next)(identity, signal);
    }
  };
}

function isAboutFirst(error: unknown): boolean {
  return error instanceof ExchangeFailure && ['STS_TOKEN_EXPIRED', 'STS_TOKEN_REFUSED'].includes(error.code);
}
