import { fstatSync, writeFileSync } from 'node:fs';
import { messageOf } from '../foundation/errors.ts';
import { commandError } from './command-errors.ts';

const STANDARD_OUTPUT = 1;

/**
 * Writes a command's answer to standard output. If that is closed, Node opens /dev/null in its
 * place before this code runs, the same way that other programs open it on purpose, so the answer
 * is discarded.
 *
 * @throws CodedError OUTPUT_NOT_WRITTEN
 */
export async function writeAnswer(text: string): Promise<void> {
  try {
    // On a full file system, Node's stream treats a partial write as complete.
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
