import { constants, writeSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { messageOf } from '../foundation/errors.ts';
import { STANDARD_ERROR, withoutWaiting } from '../foundation/standard-error.ts';
import { auditError } from './audit-errors.ts';

/** Where audit lines go. */
export interface AuditSink {
  /** A crash, or a disk that was full at the end, has left a part of a line there. */
  readonly isTorn?: boolean;
  /** @returns how many bytes were taken. */
  write(bytes: Buffer): Promise<number>;
  /** Goes on in the file that has the name now. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** A pipe that nobody reads is an error at once instead of a wait for ever. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** A file of this user alone, where it is new; one that is there keeps its mode. @throws CodedError AUDIT_CANNOT_OPEN */
export async function auditFile(path: string): Promise<AuditSink> {
  let handle = await openAppending(path);
  return {
    // One that may not be read is believed to be whole.
    isTorn: await endsWithinLine(path).catch(() => false),
    write: async (bytes) => (await handle.write(bytes)).bytesWritten,
    reopen: async () => {
      const former = handle;
      handle = await openAppending(path);
      await former.close();
    },
    close: () => handle.close(),
  };
}

async function openAppending(path: string): Promise<FileHandle> {
  try {
    return await open(path, APPEND, 0o600);
  } catch (error) {
    throw auditError('AUDIT_CANNOT_OPEN', `the audit log ${path} cannot be opened: ${messageOf(error)}`, error);
  }
}

async function endsWithinLine(path: string): Promise<boolean> {
  const { size } = await stat(path);
  // Nothing there yet, or a pipe.
  if (size === 0) return false;
  const handle = await open(path);
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
