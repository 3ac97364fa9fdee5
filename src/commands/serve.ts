import { Command } from 'commander';
import { type CommandLineFlags, withIdentityFlags } from './identity-flags.ts';
import { wholeNumber } from './option-values.ts';

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('keep role sessions fresh and serve them on IMDSv2 endpoints, until SIGTERM or SIGINT')
    .argument('[file]', 'configuration file; reloaded when it changes, and on SIGHUP')
    .option('-c, --config <file>', 'the same');
  return withIdentityFlags(command)
    .option('--port <port>', 'port on 127.0.0.1 (default: 9911)', wholeNumber('a port'))
    .option(
      '--hop-limit <hops>',
      'number of hosts that a response may pass, including the receiver: 1 to 255',
      wholeNumber('a number of hops'),
    )
    .action(async (file: string | undefined, flags: CommandLineFlags) => {
      const { serve } = await import('./run-daemon.ts');
      await serve(file, flags);
    });
}
