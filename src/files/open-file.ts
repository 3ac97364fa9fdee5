import { closeSync, constants, fstatSync, open as openCallback, read as readCallback, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { openPlace, type Place, type Step, step } from './place.ts';
import { dangerIn, findingsOf, type Use } from './safe-place.ts';
import type { Finding } from './trust.ts';

interface FirstBytes {
  readonly content: Buffer;
  readonly stats: Stats;
  readonly findings: readonly Finding[];
}

/**
 * O_NONBLOCK has no effect on files, but without it a pipe without a writer would block forever.
 * Links were followed before, one by one.
 */
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

const TRUSTED: Use = { use: 'trusted' };

/**
 * Reads a file that decides what the daemon does, together with the problems of it and its path.
 * Reads up to `mostBytes` and one more byte, so that a longer file is detected and an endless
 * device does no harm.
 *
 * @param check - throws if the file must not be read.
 * @throws errors of `check`, or the system's error.
 */
export async function readFirst(
  named: string,
  mostBytes: number,
  check: (stats: Stats) => void = () => undefined,
): Promise<FirstBytes> {
  const { descriptor, steps } = await openForReading(named);
  try {
    const stats = fstatSync(descriptor);
    check(stats);
    const findings = await findingsOf([...steps, ...fileStep(named, stats)], TRUSTED);
    return { content: await firstBytes(descriptor, mostBytes + 1), stats, findings };
  } finally {
    closeSync(descriptor);
  }
}

// Every start reads several files. A file handle and its stream would load modules for 5 ms.
const openDescriptor = promisify(openCallback);
const readDescriptor = promisify(readCallback);

/**
 * A whole file that no other user could change.
 *
 * @throws CodedError of `fileErrors`, the system's error, or an error about its size.
 */
export async function readTrusted(named: string, mostBytes: number): Promise<Buffer> {
  const { content, findings } = await readFirst(named, mostBytes);
  const danger = dangerIn(findings);
  if (danger) throw danger;
  if (content.length > mostBytes) throw new Error(`it is larger than ${mostBytes / 1024} KiB`);
  return content;
}

async function openForReading(
  named: string,
): Promise<{ readonly descriptor: number; readonly steps: readonly Step[] }> {
  const place = await openPlace(named, { followLast: true });
  try {
    return { descriptor: await openDescriptor(place.file, READ), steps: place.steps };
  } finally {
    await place.close();
  }
}

const CHUNK_BYTES = 16 * 1024;

async function firstBytes(descriptor: number, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let length = 0; length < most;) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, most - length));
    const { bytesRead } = await readDescriptor(descriptor, chunk, 0, chunk.length, null);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

/** For a regular file. A pipe or device is the user's choice. */
export function fileStep(named: string, stats: Stats): readonly Step[] {
  return stats.isFile() ? [step(named, stats)] : [];
}

/**
 * Opens a file in an open place, never through a link.
 *
 * @throws the system's error: ELOOP for a link.
 */
export async function readIn(
  { file }: Place,
  accepts: (stats: Stats) => boolean,
): Promise<{ readonly content: Buffer; readonly stats: Stats } | undefined> {
  const descriptor = await openDescriptor(file, READ);
  try {
    const stats = fstatSync(descriptor);
    return accepts(stats) ? { content: await firstBytes(descriptor, Infinity), stats } : undefined;
  } finally {
    closeSync(descriptor);
  }
}
