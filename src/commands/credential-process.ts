import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { DEFAULT_SOCKET } from '../foundation/daemon-socket.ts';
import { configuredSession, type SourceFlags } from './configured-session.ts';
import { daemonSession } from './daemon-session.ts';
import { configurationOf, namesConfiguration, withIdentityFlags } from './identity-flags.ts';
import { writeSession } from './print-session.ts';

export function credentialProcessCommand(): Command {
  const command = new Command('credential-process')
    .description('get one role session and print it as JSON for credential_process in ~/.aws/config')
    .option('-c, --config <file>', 'configuration file')
    .option('--role <name>', 'role in the configuration (default: the only one)')
    .option('--socket <path>', `get the session from the daemon on this socket (default: ${DEFAULT_SOCKET})`)
    .option('--no-cache', 'get a new session each time, and store none');
  return withIdentityFlags(command).action(async (flags: SourceFlags) => {
    const config = await configurationIn(flags);
    const session = await (config ? configuredSession(config, flags) : daemonSession(flags.socket, flags.role));
    await writeSession(session);
  });
}

/** Undefined: the daemon knows what to request. */
export async function configurationIn({ role, socket, cache, ...flags }: SourceFlags): Promise<Config | undefined> {
  return namesConfiguration(flags) ? configurationOf(undefined, flags) : undefined;
}
