// The bundle of `credential-process`, which SDKs start often.
import { configuredSession } from '../commands/configured-session.ts';
import { plainArguments } from '../commands/plain-arguments.ts';
import { printSession } from '../commands/print-session.ts';
import { loadConfig } from '../config/load-config.ts';

/** @returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const plain = argv[2] === 'credential-process' ? plainArguments(argv.slice(3)) : undefined;
  const file = plain?.config;
  if (file !== undefined)
    return printSession(async () => configuredSession(await loadConfig(file), { cache: true, ...plain }));
  const [{ programOf }, { credentialProcessCommand }] = await Promise.all([
    import('../commands/program.ts'),
    import('../commands/credential-process.ts'),
  ]);
  return programOf(() => [credentialProcessCommand()])(argv);
}
