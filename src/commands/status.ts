import { Command, InvalidArgumentError, Option } from 'commander';
import type { StatusFlags } from './showing-status.ts';

export function statusCommand(): Command {
  return new Command('status')
    .description('show how a running daemon is: certificate, roles, sessions, failures and what to do about them')
    .addOption(new Option('-c, --config <file>', 'its configuration file').conflicts(['socket', 'url']))
    .addOption(new Option('--socket <path>', 'the socket of its admin listener').conflicts('url'))
    .option('--url <url>', 'the address of its admin listener (default: http://127.0.0.1:9910)', httpUrl)
    .option('-w, --watch', 'go on showing it until interrupted')
    .option('--json', 'print what /status answers')
    .addHelpText('after', '\nExit codes: 0 ready, 1 degraded, 2 not ready, 3 the daemon cannot be reached.')
    .action(async (flags: StatusFlags) => {
      const { showStatus } = await import('./showing-status.ts');
      process.exitCode = await showStatus(flags);
    });
}

function httpUrl(value: string): string {
  if (URL.canParse(value) && new URL(value).protocol === 'http:') return value;
  throw new InvalidArgumentError('It has to be an address such as http://127.0.0.1:9910.');
}
