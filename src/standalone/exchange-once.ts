import type { Clock } from '../foundation/clock.ts';
import type { Environment } from '../foundation/process-environment.ts';
import type { ReadFileContent } from '../files/read-file.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { SessionRequest } from './session-request.ts';

export interface ExchangeParts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly userAgent: string;
  readonly read: ReadFileContent;
}

/**
 * One CreateSession call with the current files. Loaded only when needed, because reading
 * certificates takes most of a command's time.
 */
export async function exchangeOnce(
  { identity: files, rolesAnywhere, role }: SessionRequest,
  { clock, environment, userAgent, read }: ExchangeParts,
): Promise<RoleSession> {
  const [{ loadIdentity }, { sign }, { createSessionAt }, { httpsTransport }] = await Promise.all([
    import('../identity/load-identity.ts'),
    import('../keys/signer.ts'),
    import('../rolesanywhere/create-session.ts'),
    import('../rolesanywhere/https-transport.ts'),
  ]);
  const { identity } = await loadIdentity(files, { now: clock.now(), environment, read });
  const send = httpsTransport({ ...rolesAnywhere, environment, userAgent });
  return createSessionAt({ rolesAnywhere, clock, sign, send })(identity, role, new AbortController().signal);
}
