import { fstatSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { messageOf } from '../foundation/errors.ts';
import { commandError } from './command-errors.ts';

const STANDARD_OUTPUT = 1;

/** Writes to standard output what a command was run for. @throws CodedError OUTPUT_NOT_WRITTEN, also where that is closed. */
export async function writeAnswer(text: string): Promise<void> {
  if (wasClosed()) throw commandError('OUTPUT_NOT_WRITTEN', 'cannot write to standard output: it is closed');
  await writeReport(text);
}

/** The same of a command whose exit code may be all that the caller wants. @throws CodedError OUTPUT_NOT_WRITTEN */
export async function writeReport(text: string): Promise<void> {
  try {
    // Node's stream takes half a line for a whole one where a file system is full.
    const stats = fstatSync(STANDARD_OUTPUT);
    if (stats.isFile() || stats.isCharacterDevice()) writeFileSync(STANDARD_OUTPUT, text);
    else await streamed(text);
  } catch (error) {
    throw commandError('OUTPUT_NOT_WRITTEN', `cannot write to standard output: ${messageOf(error)}`, error);
  }
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
 * In place of a standard output that is closed, Node opens /dev/null before any of this runs, and for reading too (`O_RDWR`), which a
 * shell's `>/dev/null` does not. Python's `DEVNULL` and Node's `ignore` look the same.
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
