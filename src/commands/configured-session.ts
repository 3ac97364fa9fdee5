import type { Config, RoleConfig } from '../config/config.ts';
import { readEachOnce } from '../files/read-file.ts';
import { systemClock } from '../foundation/clock.ts';
import { userAgent } from '../foundation/version.ts';
import { servedRoleArn } from '../rolesanywhere/role-target.ts';
import { exchangeOnce } from '../standalone/exchange-once.ts';
import type { SessionRequest, SessionSource } from '../standalone/session-request.ts';
import { commandError } from './command-errors.ts';
import { type HandedSession, sessionFromDaemon } from './daemon-session.ts';
import type { CommandLineFlags } from './identity-flags.ts';
import { type Warn, warn } from './warning.ts';

/** How to get a session: from a daemon, from the cache, or by a call. */
export interface SourceFlags extends CommandLineFlags {
  readonly role?: string | undefined;
  readonly socket?: string | undefined;
  readonly cache: boolean;
}

/** @throws CodedError ROLE_NOT_CONFIGURED */
export function roleNamed({ roles }: Config, name: string | undefined): RoleConfig {
  const found =
    name === undefined ? (roles.length === 1 ? roles[0] : undefined) : roles.find((role) => role.name === name);
  if (found) return found;
  const names = roles.map((role) => role.name).join(', ');
  throw commandError(
    'ROLE_NOT_CONFIGURED',
    name === undefined ? `there are several roles: ${names}` : `no role ${name} among ${names}`,
  );
}

/** Gets the session from a running daemon with this role, otherwise makes its own call. */
export async function configuredSession(
  config: Config,
  flags: SourceFlags,
  report: Warn = warn,
): Promise<HandedSession> {
  const role = roleNamed(config, flags.role);
  const socket = flags.socket ?? config.socket?.path;
  if (socket !== undefined) {
    // The daemon's name for a role is unknown if the role comes from flags.
    const asked = flags.config === undefined ? servedRoleArn(role) : role.name;
    const shared = await sessionFromDaemon(socket, asked).catch(() => undefined);
    if (shared?.roleArn === servedRoleArn(role)) return shared;
  }
  const source = await sessionSource({ ...config, role }, flags.cache, report);
  return { ...(await source()), roleArn: servedRoleArn(role) };
}

export async function sessionSource(
  request: SessionRequest,
  useCache: boolean,
  report: Warn = warn,
): Promise<SessionSource> {
  const parts = { clock: systemClock, environment: process.env, userAgent, warn: report, read: readEachOnce() };
  const exchange: SessionSource = () => exchangeOnce(request, parts);
  if (!useCache) return exchange;
  const { withSessionCache } = await import('../standalone/session-cache.ts');
  return withSessionCache(exchange, request, parts);
}
