/**
 * What decides about an error, whatever its code:
 * - `usage`, `configuration`: the command line or the configuration is wrong; only a change of it helps.
 * - `transient`: what is in the way may be gone a moment later, such as an address in use.
 * - `refused`: something that is asked for is not granted, or not there.
 * - `defect`: of this program.
 */
export type ErrorKind = 'usage' | 'configuration' | 'transient' | 'refused' | 'defect';

/**
 * Errors are part of the interface: a stable code, what happened, what to do.
 *
 * Each room declares its closed set of codes with {@link errorFactory}; `docs/errors.md` lists them all, and a test holds
 * the page and the catalogues together. What a client of an endpoint may see is never taken from here.
 */
export class CodedError extends Error {
  override readonly name = 'CodedError';

  /** Stable, upper snake case; safe to alert on. */
  readonly code: string;
  /** What the operator can do about it. */
  readonly remedy: string;
  readonly kind: ErrorKind;

  /** @param what - what happened, with the values that matter and no secret among them. */
  constructor(code: string, what: string, remedy: string, cause?: unknown, kind: ErrorKind = 'refused') {
    super(what, cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = remedy;
    this.kind = kind;
  }
}

/** Code -> remedy. */
export type ErrorCatalogue<Code extends string = string> = Readonly<Record<Code, string>>;

/**
 * Makes the one function by which a room creates its errors, so that its codes are a closed union. Whatever was tried, when there was
 * no descriptor left for it the code is TOO_MANY_OPEN_FILES: the remedy of the room's own code would lead astray.
 *
 * @param kind - of all codes but the `exceptions`.
 */
export function errorFactory<Code extends string>(
  catalogue: ErrorCatalogue<Code>,
  kind: ErrorKind = 'refused',
  exceptions: Partial<Readonly<Record<Code, ErrorKind>>> = {},
): (code: Code, what: string, cause?: unknown) => CodedError {
  return (code: Code, what: string, cause?: unknown): CodedError =>
    isOutOfDescriptors(cause)
      ? new CodedError('TOO_MANY_OPEN_FILES', what, foundationErrors.TOO_MANY_OPEN_FILES, cause, 'transient')
      : new CodedError(code, what, catalogue[code], cause, exceptions[code] ?? kind);
}

export const foundationErrors = {
  INTERNAL: 'Report this line: it is a defect in imds-anywhere.',
  TOO_MANY_OPEN_FILES:
    'Raise LimitNOFILE= of the unit (`ulimit -n`, or nofile of the container); `ls -l /proc/PID/fd` lists the open files. Retrying automatically.',
} as const;

/** A watch that fails so is about inotify's own bounds; a thread that cannot start says why in words only. */
function isOutOfDescriptors(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || ('syscall' in thrown && thrown.syscall === 'watch')) return false;
  const code = systemCodeOf(thrown) ?? '';
  return /^E[MN]FILE$/.test(code === 'ERR_WORKER_INIT_FAILED' ? (thrown.message.split(' ').at(-1) ?? '') : code);
}

/** Anything that was thrown, as an error with a code. */
export function asCodedError(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  return errorFactory(foundationErrors, 'defect')('INTERNAL', messageOf(thrown), thrown);
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The Node or OpenSSL error code (`ENOENT`, `ERR_OSSL_BAD_DECRYPT`) of anything that was thrown. */
export function systemCodeOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
