import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

export type PastingShell = 'sh' | 'fish';

/** The role of the emulator's accounts. */
export const DEVICE_SESSION = /^arn:aws:sts::\d{12}:assumed-role\/[\w-]+\/[0-9a-f]+$/;

/** The lines of an output that users paste into a shell, also from an indented text or a comment. */
export function pastedLines(output: string): string[] {
  return [...output.matchAll(/^[ \t#]*((?:export|set -gx) .*)$/gm)].map(([, line = '']) => line);
}

/**
 * The answer of GetCallerIdentity by an unmodified SDK after a shell has run the lines.
 *
 * @param environment - the whole environment, except PATH. Nothing of the user's own is passed on.
 */
export async function callerAfter(
  shell: PastingShell,
  lines: readonly string[],
  environment: Readonly<Record<string, string>> & { readonly HOME: string },
): Promise<string> {
  const script = [...lines, 'exec "$NODE" --no-warnings "$CALL"'].join('\n');
  const { stdout, stderr } = await promisify(execFile)(shell, ['-c', script], {
    cwd: REPOSITORY,
    env: { PATH: process.env['PATH'], NODE: process.execPath, CALL, ...environment },
  });
  // Like an interactive shell, continue after a failing line.
  if (stderr !== '') throw new Error(`${script}\n${stderr}`);
  return stdout.trim();
}

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
/** The program that makes the call. */
export const CALL = path.join(import.meta.dirname, 'caller-identity.mjs');
