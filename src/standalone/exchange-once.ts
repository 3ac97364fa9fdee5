import type { ReadFileContent } from '../files/read-file.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Environment } from '../foundation/process-environment.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { SessionRequest } from './session-request.ts';

export interface ExchangeParts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly userAgent: string;
  readonly read: ReadFileContent;
}

/**
 * One CreateSession call with the current files, and for a chained role one AssumeRole call. Loaded only when needed, because reading
 * certificates takes most of a command's time.
 */
export async function exchangeOnce(
  { identity: files, rolesAnywhere, role }: SessionRequest,
  { clock, environment, userAgent, read }: ExchangeParts,
): Promise<RoleSession> {
  const [{ loadIdentity }, { withOutsideContents }, { keysOfCommand }, { httpsExchange }] = await Promise.all([
    import('../identity/load-identity.ts'),
    import('../identity/outside-identity.ts'),
    import('../keys/outside-keys.ts'),
    import('../rolesanywhere/https-exchange.ts'),
  ]);
  const { signal } = new AbortController();
  const keys = keysOfCommand(environment);
  const readIdentity = withOutsideContents(loadIdentity, keys);
  const { identity } = await readIdentity(files, { now: clock.now(), environment, read }, signal);
  const createSession = httpsExchange(rolesAnywhere, { clock, sign: keys.sign, environment, userAgent });
  const session = await createSession(identity, role, signal);
  if (!role.assume) return session;
  const { httpsAssumeRole } = await import('../sts/https-assume-role.ts');
  return httpsAssumeRole(rolesAnywhere, { clock, environment, userAgent })(session, role.assume, signal);
}
