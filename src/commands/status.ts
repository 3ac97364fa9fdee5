import { Command, InvalidArgumentError, Option } from 'commander';
import type { StatusFlags } from './print-status.ts';

export function statusCommand(): Command {
  return new Command('status')
    .description('show the state of a running daemon: certificate, roles, sessions, failures and their remedies')
    .addOption(new Option('-c, --config <file>', 'its configuration file').conflicts(['socket', 'url']))
    .addOption(new Option('--socket <path>', 'the socket of its admin listener').conflicts('url'))
    .option('--url <url>', 'the address of its admin listener (default: http://127.0.0.1:9910)', httpUrl)
    .option('-w, --watch', 'keep showing it until interrupted')
    .option('--json', 'print the JSON of /status')
    .addHelpText('after', '\nExit codes: 0 ready, 1 degraded, 2 not ready, 3 the daemon cannot be reached.')
    .action(async (flags: StatusFlags) => {
      const { printStatus } = await import('./print-status.ts');
      process.exitCode = await printStatus(flags);
    });
}

function httpUrl(value: string): string {
  if (URL.canParse(value) && new URL(value).protocol === 'http:') return value;
  throw new InvalidArgumentError('It must be a URL such as http://127.0.0.1:9910.');
}
