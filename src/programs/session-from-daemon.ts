// `credential-process` for a running daemon, which SDKs start often. So small that it starts faster
// without V8's code cache than any bundle with one.
import { socketArguments } from '../commands/socket-arguments.ts';

/** @returns the exit code; undefined: the command line needs the bundle of the command. */
export async function run(words: readonly string[]): Promise<number | undefined> {
  const asked = socketArguments(words);
  if (!asked) return undefined;
  const { daemonSession, writeSession } = await import('../commands/daemon-session.ts');
  try {
    await writeSession(await daemonSession(asked.socket, asked.role));
    return 0;
  } catch (error) {
    const { reportFailure } = await import('../commands/failure.ts');
    return reportFailure(error);
  }
}
