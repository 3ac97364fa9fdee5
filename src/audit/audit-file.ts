import { constants, writeSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fileStep } from '../files/open-file.ts';
import type { Place } from '../files/place.ts';
import { checkSteps, openSafePlace, type Use } from '../files/safe-place.ts';
import { CodedError, messageOf } from '../foundation/errors.ts';
import { STANDARD_ERROR, withoutWaiting } from '../foundation/standard-error.ts';
import { auditError } from './audit-errors.ts';

/** Where audit lines go. */
export interface AuditSink {
  /** A crash, or a disk that was full at the end, has left a part of a line there. */
  readonly isTorn?: boolean;
  /** @returns how many bytes were taken. */
  write(bytes: Buffer): Promise<number>;
  /** Goes on in the file that has the name now; `isTorn` is about that one from then on. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** A pipe without a reader is an error at once instead of a wait for ever; links were followed before, one by one. */
const APPEND = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW;
const WRITTEN: Use = { use: 'written' };

/**
 * A file of this user alone, where it is new; one that is there keeps its mode.
 *
 * @throws CodedError AUDIT_CANNOT_OPEN, or one of `fileErrors` where others could lead it elsewhere
 */
export async function auditFile(path: string): Promise<AuditSink> {
  let opened = await openAppending(path);
  return {
    get isTorn() {
      return opened.isTorn;
    },
    write: async (bytes) => (await opened.handle.write(bytes)).bytesWritten,
    reopen: async () => {
      const previous = opened;
      opened = await openAppending(path);
      await previous.handle.close();
    },
    close: () => opened.handle.close(),
  };
}

interface Appending {
  readonly handle: FileHandle;
  readonly isTorn: boolean;
}

async function openAppending(path: string): Promise<Appending> {
  try {
    const place = await openSafePlace(path, WRITTEN, { followLast: true });
    try {
      return await appendIn(place, path);
    } finally {
      await place.close();
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw auditError('AUDIT_CANNOT_OPEN', `the audit log ${path} cannot be opened: ${messageOf(error)}`, error);
  }
}

async function appendIn(place: Place, path: string): Promise<Appending> {
  const handle = await open(place.file, APPEND, 0o600);
  try {
    const stats = await handle.stat();
    await checkSteps(fileStep(path, stats), WRITTEN);
    // A file that may not be read counts as whole.
    const isTorn = stats.isFile() && (await endsWithinLine(place.file, stats.size).catch(() => false));
    return { handle, isTorn };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function endsWithinLine(file: string, size: number): Promise<boolean> {
  if (size === 0) return false;
  const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer.toString() !== '\n';
  } finally {
    await handle.close();
  }
}

/** Standard error, between the lines of the log. */
export function auditStderr(standardError = STANDARD_ERROR): AuditSink {
  const descriptor = withoutWaiting(standardError);
  return {
    write: (bytes) =>
      new Promise((resolve) => {
        resolve(writeSync(descriptor, bytes));
      }),
    reopen: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
