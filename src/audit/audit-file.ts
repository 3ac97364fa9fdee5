import { constants, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fileStep } from '../files/open-file.ts';
import type { Place } from '../files/place.ts';
import { checkSteps, openSafePlace, type Use } from '../files/safe-place.ts';
import { CodedError, messageOf } from '../foundation/errors.ts';
import { STANDARD_ERROR, withoutWaiting } from '../foundation/standard-error.ts';
import { auditError } from './audit-errors.ts';

/** The destination of audit lines. */
export interface AuditSink {
  /** The file ends in an incomplete line, after a crash or a full disk. */
  readonly isTorn?: boolean;
  /** @returns the number of bytes written. */
  write(bytes: Buffer): Promise<number>;
  /** Continues in the file that now has the name. `isTorn` describes that file from then on. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/**
 * Opening a pipe without a reader fails at once instead of blocking. Links were followed before,
 * one by one.
 */
const APPEND = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW;
const WRITTEN: Use = { use: 'written' };

/**
 * A new file is accessible only for this user. An existing file keeps its mode.
 *
 * @throws CodedError AUDIT_CANNOT_OPEN, or one of `fileErrors` if other users could redirect it
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
    // An unreadable file counts as complete.
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

/** Standard error, between the log lines. */
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
