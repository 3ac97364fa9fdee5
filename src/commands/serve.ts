import { Command } from 'commander';
import { type CommandLineFlags, wholeNumber, withIdentityFlags } from './identity-flags.ts';

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('keep role sessions fresh and serve them on IMDSv2 endpoints, until SIGTERM or SIGINT')
    .argument('[file]', 'configuration file; reloaded when it changes, and on SIGHUP')
    .option('-c, --config <file>', 'the same');
  return withIdentityFlags(command)
    .option('--port <port>', 'port on 127.0.0.1 (default: 9911)', (value) => wholeNumber(value, 'a port'))
    .option(
      '--hop-limit <hops>',
      'number of hosts that a response may pass, including the receiver: 1 to 255',
      (value) => wholeNumber(value, 'a number of hops'),
    )
    .action(async (file: string | undefined, flags: CommandLineFlags) => {
      const { serve } = await import('./run-daemon.ts');
      await serve(file, flags);
    });
}
