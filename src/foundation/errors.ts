/**
 * Decides how the program reacts to an error, independent of its code:
 * - `usage`, `configuration`: the command line or the configuration is wrong, and only changing it
 *   helps.
 * - `transient`: the cause may go away by itself, such as an address in use.
 * - `refused`: the requested thing is denied or does not exist.
 * - `defect`: a bug in this program.
 */
export type ErrorKind = 'usage' | 'configuration' | 'transient' | 'refused' | 'defect';

/**
 * Errors are part of the interface: a stable code, what happened, what to do.
 *
 * Each room declares its closed set of codes with {@link errorFactory}. `docs/errors.md` lists all
 * of them, and a test compares the page with the catalogues. Clients of an endpoint never see these
 * texts.
 */
export class CodedError extends Error {
  override readonly name = 'CodedError';

  /** Stable, upper snake case; safe to alert on. */
  readonly code: string;
  /** The remedy: what the operator can do. */
  readonly remedy: string;
  readonly kind: ErrorKind;

  /** @param what - what happened, with the relevant values and without secrets. */
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
 * Creates the error function of a room, so that its codes are a closed union. If no file descriptor
 * was left, the code is always TOO_MANY_OPEN_FILES, because the remedy of the room's own code would
 * be misleading.
 *
 * @param kind - of all codes except the `exceptions`.
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
  WORKING_DIRECTORY_GONE: 'Change to a directory that exists, for example with `cd /`, and run the command again.',
  INTERNAL: 'Report this line: it is a defect in imds-anywhere.',
  TOO_MANY_OPEN_FILES:
    'Raise LimitNOFILE= of the unit (`ulimit -n`, or nofile of the container); `ls -l /proc/PID/fd` lists the open files. The daemon tries again automatically.',
} as const;

/**
 * For a watch, this code means the limits of inotify. A thread that cannot start has only a
 * message.
 */
function isOutOfDescriptors(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || ('syscall' in thrown && thrown.syscall === 'watch')) return false;
  const code = systemCodeOf(thrown) ?? '';
  return /^E[MN]FILE$/.test(code === 'ERR_WORKER_INIT_FAILED' ? (thrown.message.split(' ').at(-1) ?? '') : code);
}

/** Converts anything thrown to an error with a code. */
export function asCodedError(thrown: unknown): CodedError {
  if (thrown instanceof CodedError) return thrown;
  if (thrown instanceof Error && 'syscall' in thrown && thrown.syscall === 'uv_cwd')
    return errorFactory(foundationErrors, 'transient')(
      'WORKING_DIRECTORY_GONE',
      'the working directory was removed',
      thrown,
    );
  return errorFactory(foundationErrors, 'defect')('INTERNAL', messageOf(thrown), thrown);
}

/**
 * The message of anything thrown. A file below an open directory (files/place.ts) has its name only:
 * the number of a descriptor says nothing to the reader.
 */
export function messageOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.replaceAll(/\/proc\/self\/fd\/\d+\//g, '');
}

/** The Node or OpenSSL error code (`ENOENT`, `ERR_OSSL_BAD_DECRYPT`) of anything thrown. */
export function systemCodeOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
