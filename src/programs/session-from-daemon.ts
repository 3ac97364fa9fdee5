// `credential-process` for a running daemon, which SDKs start often.
import { daemonSession, writeSession } from '../commands/daemon-session.ts';
import { reportFailure } from '../commands/failure.ts';
import type { SocketArguments } from '../commands/socket-arguments.ts';

/** @returns the exit code. */
export async function run({ socket, role }: SocketArguments): Promise<number> {
  try {
    await writeSession(await daemonSession(socket, role));
    return 0;
  } catch (error) {
    return reportFailure(error);
  }
}
