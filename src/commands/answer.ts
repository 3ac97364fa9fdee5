import { fstatSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { messageOf } from '../foundation/errors.ts';
import { printable } from '../foundation/printable.ts';
import { commandError } from './command-errors.ts';

const STANDARD_OUTPUT = 1;

/**
 * Writes a command's answer to standard output.
 *
 * @throws CodedError OUTPUT_NOT_WRITTEN, also if it is closed.
 */
export async function writeAnswer(text: string): Promise<void> {
  if (wasClosed()) throw commandError('OUTPUT_NOT_WRITTEN', 'cannot write to standard output: it is closed');
  await writeReport(text);
}

/**
 * The same for a command whose caller may only want the exit code.
 *
 * @throws CodedError OUTPUT_NOT_WRITTEN
 */
export async function writeReport(text: string): Promise<void> {
  try {
    // On a full file system, Node's stream treats a partial write as complete.
    const stats = fstatSync(STANDARD_OUTPUT);
    if (stats.isFile() || stats.isCharacterDevice()) writeFileSync(STANDARD_OUTPUT, text);
    else await streamed(text);
  } catch (error) {
    throw commandError('OUTPUT_NOT_WRITTEN', `cannot write to standard output: ${messageOf(error)}`, error);
  }
}

/** For {@link writeAnswer}: JSON in which nothing can control a terminal. */
export function jsonText(value: object): string {
  return `${printable(JSON.stringify(value, undefined, 2), '\\\\')}\n`;
}

async function streamed(text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.once('error', reject);
    process.stdout.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/**
 * If standard output is closed, Node opens /dev/null in its place before this code runs, for
 * reading too (`O_RDWR`). A shell's `>/dev/null` does not open it for reading. Python's `DEVNULL`
 * and Node's `ignore` look the same as a closed one.
 */
function wasClosed(): boolean {
  try {
    if (readlinkSync(`/proc/self/fd/${STANDARD_OUTPUT}`) !== '/dev/null') return false;
    const [, flags = '0'] =
      /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${STANDARD_OUTPUT}`, 'utf8')) ?? [];
    return (Number.parseInt(flags, 8) & 0o3) === 0o2;
  } catch {
    return false;
  }
}
