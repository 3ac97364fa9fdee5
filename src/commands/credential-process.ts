import { Command } from 'commander';
import type { Config, RoleConfig } from '../config/config.ts';
import { isoSeconds, systemClock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { exchangeOnce } from '../standalone/exchange-once.ts';
import type { SessionRequest, SessionSource } from '../standalone/session-request.ts';
import { commandError } from './command-errors.ts';
import { configurationOf, withIdentityFlags, type CommandLineFlags } from './identity-flags.ts';
import { userAgent } from './version.ts';

interface Flags extends CommandLineFlags {
  readonly role?: string;
  readonly cache: boolean;
}

export function credentialProcessCommand(): Command {
  const command = new Command('credential-process')
    .description('get one role session and print it as the JSON that credential_process in ~/.aws/config wants')
    .option('-c, --config <file>', 'configuration file')
    .option('--role <name>', 'which of its roles (default: the only one)')
    .option('--no-cache', 'ask for a new session each time, and keep none');
  return withIdentityFlags(command).action(async ({ role, cache, ...flags }: Flags) => {
    const config = await configurationOf(undefined, flags);
    const source = await sessionSource({ ...config, role: roleNamed(config, role) }, cache);
    const session = await source();
    process.stdout.write(`${JSON.stringify(credentialProcessDocument(session))}\n`);
  });
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

/** A running daemon, once it can be asked, comes before the cache. */
async function sessionSource(request: SessionRequest, useCache: boolean): Promise<SessionSource> {
  const parts = { clock: systemClock, environment: process.env, userAgent, warn };
  const exchange: SessionSource = () => exchangeOnce(request, parts);
  if (!useCache) return exchange;
  const { withSessionCache } = await import('../standalone/session-cache.ts');
  return withSessionCache(exchange, request, parts);
}

/** On standard error, which SDKs keep to themselves. */
function warn({ code, message, remedy }: CodedError): void {
  process.stderr.write(`imds-anywhere: warning ${code}: ${message}\n  ${remedy}\n`);
}

/** AWS SDKs and Tools Reference, "Process credential provider". */
function credentialProcessDocument(session: RoleSession): object {
  return {
    Version: 1,
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey.reveal(),
    SessionToken: session.sessionToken.reveal(),
    Expiration: isoSeconds(session.expiration),
  };
}
