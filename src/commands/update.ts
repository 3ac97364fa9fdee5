import { Command, InvalidArgumentError } from 'commander';
import { roleNamed, sessionSource } from './configured-session.ts';
import { type CommandLineFlags, configurationOf, withIdentityFlags } from './identity-flags.ts';

interface UpdateFlags extends CommandLineFlags {
  readonly role?: string;
  readonly profile: string;
  readonly once?: boolean;
  readonly cache: boolean;
}

export function updateCommand(): Command {
  const command = new Command('update')
    .description('keep a profile in the shared credentials file up to date, until SIGTERM or SIGINT')
    .option('-c, --config <file>', 'configuration file')
    .option('--role <name>', 'role in the configuration (default: the only one)')
    .option('--profile <name>', 'profile to write', profileName, 'default')
    .option('--once', 'write it once and exit')
    .option('--no-cache', 'with --once: get a new session each time, and store none');
  return withIdentityFlags(command).action(async ({ role: name, profile, once, cache, ...flags }: UpdateFlags) => {
    const config = await configurationOf(undefined, flags);
    const role = roleNamed(config, name);
    const { updateAlways, updateOnce } = await import('./write-profile.ts');
    if (once) await updateOnce(await sessionSource({ ...config, role }, cache), profile);
    else await updateAlways(config, role, profile);
  });
}

/** A name that is valid in a section header. */
function profileName(value: string): string {
  if (!/^[^\s[\]#;]+$/.test(value)) throw new InvalidArgumentError('It must be a name without spaces and brackets.');
  return value;
}
