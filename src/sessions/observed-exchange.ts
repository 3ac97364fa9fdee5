import type { Clock } from '../foundation/clock.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { ExchangeFailure, type OperationName } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { CreateSession } from './session-keeper.ts';

/** One call of the service and its outcome, for metrics and records. */
export interface Exchange {
  readonly operation: OperationName;
  /** Signed CreateSession, for this session or the first one. */
  readonly identity: SigningIdentity;
  /** Duration of the call in milliseconds. */
  readonly durationMs: number;
  readonly outcome:
    | { readonly granted: true; readonly session: RoleSession }
    | { readonly granted: false; readonly failure: CodedError };
}

/** Reports every call, except one that the daemon's stop interrupted. Its failure names the operation. */
export function observedExchange(
  operation: OperationName,
  createSession: CreateSession,
  report: (exchange: Exchange) => void,
  clock: Pick<Clock, 'monotonic'>,
): CreateSession {
  return async (identity, signal) => {
    const begun = clock.monotonic();
    const ended = (outcome: Exchange['outcome']): void => {
      report({ operation, identity, durationMs: clock.monotonic() - begun, outcome });
    };
    try {
      const session = await createSession(identity, signal);
      ended({ granted: true, session });
      return session;
    } catch (error) {
      if (!signal.aborted) ended({ granted: false, failure: asCodedError(error) });
      throw error instanceof ExchangeFailure ? error.with({ operation }) : error;
    }
  };
}
