import { isoSeconds, type Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { CreateSession } from './session-keeper.ts';

export interface FormerIdentityParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly role: string;
}

/**
 * What one role takes up for all may be refused to another, whose trust anchor or trust policy is not ready for it: that one goes on
 * with the identity it was granted last, as long as that is valid. Refused as well, it is not the identity that is to blame.
 *
 * @param call - one CreateSession call with the identity given.
 * @param exchange - makes of it an exchange that chooses the identity by itself.
 */
export function keepingFormer(
  call: CreateSession,
  exchange: (call: CreateSession) => CreateSession,
  { clock, log, role }: FormerIdentityParts,
): CreateSession {
  let last: SigningIdentity | undefined;
  let said: string | undefined;
  const noted: CreateSession = async (identity, signal) => {
    const session = await call(identity, signal);
    last = identity;
    return session;
  };
  const again = async (former: SigningIdentity, refusal: ExchangeFailure, signal: AbortSignal): Promise<RoleSession> =>
    noted(former, signal).catch((error: unknown) => {
      if (isRefusal(error)) last = undefined;
      throw refusal;
    });
  const say = (former: SigningIdentity, { serial }: SigningIdentity, refusal: ExchangeFailure): void => {
    const text = `${serial} ${refusal.code}`;
    log(
      text === said ? 'debug' : 'warn',
      'the new signing identity gets no session of this role; the former one stays',
      {
        ...failureFields(refusal),
        requestId: refusal.requestId,
        role,
        newSerial: serial,
        oldSerial: former.serial,
        oldNotAfter: isoSeconds(former.notAfter),
      },
    );
    said = text;
  };
  const chosen = exchange(noted);
  return async (used, signal) => {
    try {
      return await chosen(used, signal);
    } catch (error) {
      const former = last;
      if (!isRefusal(error) || signal.aborted || !former || former === used || former.notAfter <= clock.now())
        throw error;
      const session = await again(former, error, signal);
      say(former, used, error);
      return session;
    }
  };
}

function isRefusal(error: unknown): error is ExchangeFailure {
  return error instanceof ExchangeFailure && error.retry === 'slow';
}
