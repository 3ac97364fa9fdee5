// `credential-process` for a running daemon, which SDKs start often.
import { daemonSession } from '../commands/daemon-session.ts';
import type { PlainArguments } from '../commands/plain-arguments.ts';
import { printSession } from '../commands/print-session.ts';

/** @returns the exit code. */
export function run({ socket, role }: PlainArguments): Promise<number> {
  return printSession(() => daemonSession(socket, role));
}
