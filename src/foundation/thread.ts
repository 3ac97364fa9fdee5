import { Worker } from 'node:worker_threads';
import { asCodedError, CodedError, type ErrorKind, messageOf } from './errors.ts';

// For work that must not run in the thread that answers requests: it takes long (deriving a key
// takes a second), loads much (tens of megabytes of libraries, used for a moment twice an hour), or
// parses untrusted input. Each task gets its own thread, whose memory is freed when it ends.

/** An error in the form in which it crosses between threads. Classes do not survive that. */
export interface ErrorParts {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly cause: string | undefined;
  readonly kind: ErrorKind;
}

export function partsOf(error: CodedError): ErrorParts {
  const { code, message, remedy, cause, kind } = error;
  return { code, message, remedy, kind, cause: cause === undefined ? undefined : messageOf(cause) };
}

export function errorFrom({ code, message, remedy, cause, kind }: ErrorParts): CodedError {
  return new CodedError(code, message, remedy, cause, kind);
}

type ThreadReport = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: ErrorParts };

/**
 * Runs the work of a thread and returns its result or error as the thread's one message. Never
 * rejects.
 */
export async function threadReport(work: () => Promise<unknown>): Promise<ThreadReport> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error: partsOf(asCodedError(error)) };
  }
}

export interface ThreadLimits {
  /** Ends the thread; the promise rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Limit of the old generation, so that hostile input ends only the thread. */
  readonly memoryMb: number;
  readonly deadlineMs: number;
  /** The rejection after the deadline. */
  readonly late: () => CodedError;
}

/**
 * Runs a file in its own thread, with `input` as its `workerData`. The file posts one {@link
 * threadReport}.
 *
 * @returns the reported value, cloned.
 * @throws CodedError the thread's own, `late`, or INTERNAL if it ended without a report.
 */
export async function runInThread(file: string, input: unknown, limits: ThreadLimits): Promise<unknown> {
  const { signal, memoryMb, deadlineMs, late } = limits;
  signal.throwIfAborted();
  const thread = new Worker(file, { workerData: input, resourceLimits: { maxOldGenerationSizeMb: memoryMb } });
  let endedFor: unknown;
  const end = (reason: unknown): void => {
    endedFor = reason;
    void thread.terminate();
  };
  const cancel = (): void => {
    end(signal.reason);
  };
  const timer = setTimeout(() => {
    end(late());
  }, deadlineMs);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return valueOf(await reportOf(thread));
  } catch (error) {
    throw asCodedError(endedFor ?? error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}

async function reportOf(thread: Worker): Promise<ThreadReport> {
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => {
      reject(new Error(`a thread ended with ${code} and without a report`));
    });
  });
}

function valueOf(report: ThreadReport): unknown {
  if (report.ok) return report.value;
  throw errorFrom(report.error);
}
