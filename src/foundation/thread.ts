import { Worker } from 'node:worker_threads';
import { CodedError, asCodedError, messageOf } from './errors.ts';

// Work that must not happen in the thread that answers requests: it takes long (a key derivation of a second), loads much (tens of
// megabytes of libraries, needed for a moment twice an hour), or reads what others wrote. A thread for each piece of it, gone with
// its memory when it is done.

/** What a thread reports. Classes do not cross between threads, so errors travel as their parts. */
export type ThreadReport =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly error: Readonly<Record<'code' | 'message' | 'remedy', string>> & { readonly cause: string | undefined };
    };

/** Runs one piece of work and says how it went; never rejects. */
export async function threadReport(work: () => Promise<unknown>): Promise<ThreadReport> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const { code, message, remedy, cause } = asCodedError(error);
    return { ok: false, error: { code, message, remedy, cause: cause === undefined ? undefined : messageOf(cause) } };
  }
}

export interface ThreadOptions {
  /** Ends the thread; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Old-space limit of the thread: hostile input ends it, and not the process. */
  readonly memoryMb: number;
}

/**
 * Runs a module in a thread of its own with `input` as its `workerData`; the module posts one {@link ThreadReport}.
 *
 * @returns what it reported, cloned.
 * @throws CodedError the thread's own, or INTERNAL when it ended without a report.
 */
export async function runInThread(module: URL, input: unknown, { signal, memoryMb }: ThreadOptions): Promise<unknown> {
  signal?.throwIfAborted();
  const thread = new Worker(module, {
    workerData: input,
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    // Whatever it prints goes nowhere near standard output, which is for answers.
    stdout: true,
  });
  const abort = (): void => void thread.terminate();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return valueOf(await reportOf(thread));
  } catch (error) {
    signal?.throwIfAborted();
    throw asCodedError(error);
  } finally {
    signal?.removeEventListener('abort', abort);
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
  const { code, message, remedy, cause } = report.error;
  throw new CodedError(code, message, remedy, cause);
}
