import { Command } from 'commander';
import { DEFAULT_SOCKET } from '../foundation/daemon-socket.ts';
import type { SourceFlags } from './configured-session.ts';
import { withIdentityFlags } from './identity-flags.ts';
import { warn, warnInJson } from './warning.ts';

export interface ExecFlags extends SourceFlags {
  readonly env?: boolean;
  readonly json?: boolean;
}

export function execCommand(): Command {
  const command = new Command('exec')
    .description('run a program with the sessions of one role, from an endpoint of its own')
    .argument('<program...>', 'the program and its arguments, after --')
    .option('-c, --config <file>', 'configuration file')
    .option('--role <name>', 'role in the configuration (default: the only one)')
    .option('--socket <path>', `get the sessions from the daemon on this socket (default: ${DEFAULT_SOCKET})`)
    .option('--env', 'put the keys into the environment instead; they are not renewed')
    .option('--no-cache', 'start with a new session, and store none')
    .option('--json', 'print warnings and failures as lines of JSON')
    .addHelpText(
      'after',
      '\nExit codes: those of the program; 128 + N if signal N ended it; 127 not found, 126 not executable;' +
        '\n1 no session, 2 wrong command line or configuration, with a message on standard error.',
    );
  return withIdentityFlags(command).action(async (program: readonly string[], { env, json, ...flags }: ExecFlags) => {
    const { runWithKeys, runWithEndpoint } = await import('./run-program.ts');
    process.exitCode = await (env ? runWithKeys : runWithEndpoint)(program, flags, json ? warnInJson : warn);
  });
}
