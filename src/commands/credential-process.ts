import { Command } from 'commander';
import type { Config, RoleConfig } from '../config/config.ts';
import { isoSeconds, systemClock } from '../foundation/clock.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { commandError } from './command-errors.ts';
import { configurationOf, withIdentityFlags, type CommandLineFlags } from './identity-flags.ts';
import { userAgent } from './version.ts';

interface Flags extends CommandLineFlags {
  readonly role?: string;
}

export function credentialProcessCommand(): Command {
  const command = new Command('credential-process')
    .description('get one role session and print it as the JSON that credential_process in ~/.aws/config wants')
    .option('-c, --config <file>', 'configuration file')
    .option('--role <name>', 'which of its roles (default: the only one)');
  return withIdentityFlags(command).action(async ({ role, ...flags }: Flags) => {
    const config = await configurationOf(undefined, flags);
    const session = await oneSession(config, roleNamed(config, role));
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

async function oneSession(config: Config, role: RoleConfig): Promise<RoleSession> {
  const [{ loadIdentity }, { createSessionAt }, { httpsTransport }] = await Promise.all([
    import('../identity/load-identity.ts'),
    import('../rolesanywhere/create-session.ts'),
    import('../rolesanywhere/https-transport.ts'),
  ]);
  const { identity } = await loadIdentity(config.identity, { now: systemClock.now(), environment: process.env });
  const { rolesAnywhere } = config;
  const send = httpsTransport({ ...rolesAnywhere, environment: process.env, userAgent });
  return createSessionAt({ rolesAnywhere, clock: systemClock, send })(identity, role, new AbortController().signal);
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
