import * as v from 'valibot';
import { recordOf } from '../../foundation/complete-record.ts';

/** Operations that are counted and can be made to fail. */
export const OPERATIONS = ['createSession', 'assumeRole', 'getCallerIdentity', 'listBuckets'] as const;
export type Operation = (typeof OPERATIONS)[number];

const wholeNumber = (least: number, most: number): v.GenericSchema<unknown, number> =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

/** Characters that are safe in a header. */
const headerValue = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,2000}$/, 'Invalid value: visible ASCII is expected'));

const EFFECTS = ['latencyMs', 'status', 'body', 'grantSeconds', 'credentials', 'padding', 'hang', 'reset'] as const;

const faultSchema = v.pipe(
  v.strictObject({
    latencyMs: v.optional(wholeNumber(0, 600_000)),
    status: v.optional(wholeNumber(200, 599)),
    /** Seconds, for the Retry-After header. */
    retryAfter: v.optional(wholeNumber(0, 86_400)),
    message: v.optional(v.string()),
    /** Of the error, instead of the usual one for the status. */
    code: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z]{1,100}$/, 'Invalid value: letters are expected'))),
    /** For the Location header. */
    location: v.optional(headerValue),
    body: v.optional(v.string()),
    /** The session is real, but lasts at most this many seconds. */
    grantSeconds: v.optional(wholeNumber(1, 43_200)),
    /**
     * Replaces fields of the granted credentials; null removes a field. STS does not know the
     * result.
     */
    credentials: v.optional(recordOf(v.string(), v.nullable(v.string()))),
    /** Bytes of white space after the answer. */
    padding: v.optional(wholeNumber(1, 64 * 1024 * 1024)),
    hang: v.optional(v.literal(true)),
    reset: v.optional(v.literal(true)),
    /** Number of calls. Without it, until the fault is removed. */
    times: v.optional(wholeNumber(1, 1_000_000)),
  }),
  v.check(
    (fault) => EFFECTS.some((effect) => fault[effect] !== undefined),
    `Invalid fault: it names no effect (${EFFECTS.join(', ')})`,
  ),
  v.check(
    ({ status, body, grantSeconds, credentials, hang, reset }) =>
      [status ?? body, grantSeconds ?? credentials, hang, reset].filter((ending) => ending !== undefined).length <= 1,
    'Invalid fault: an answer (status, body), a changed session (grantSeconds, credentials), hang and reset exclude each other',
  ),
  v.check(
    ({ status, retryAfter, message, code, location }) =>
      status !== undefined || (retryAfter ?? message ?? code ?? location) === undefined,
    'Invalid fault: retryAfter, message, code and location need a status',
  ),
  v.check(
    ({ body, message, code }) => body === undefined || (message ?? code) === undefined,
    'Invalid fault: body excludes message and code',
  ),
);

const faultWithoutSession = v.pipe(
  faultSchema,
  v.check(
    ({ grantSeconds, credentials }) => grantSeconds === undefined && credentials === undefined,
    'Invalid fault: grantSeconds and credentials are for createSession and assumeRole',
  ),
);

const faultsSchema = v.strictObject({
  createSession: v.optional(faultSchema),
  assumeRole: v.optional(faultSchema),
  getCallerIdentity: v.optional(faultWithoutSession),
  listBuckets: v.optional(faultWithoutSession),
});

export type Fault = v.InferOutput<typeof faultSchema>;
export type FaultSet = v.InferOutput<typeof faultsSchema>;

/** Validates requested faults. Names every problem with its key. */
export function parseFaults(wanted: unknown): { readonly faults: FaultSet } | { readonly problems: string[] } {
  const result = v.safeParse(faultsSchema, wanted);
  if (result.success) return { faults: result.output };
  return { problems: result.issues.map((issue) => [v.getDotPath(issue), issue.message].filter(Boolean).join(': ')) };
}

/** The active faults, switched at run time. */
export class Faults {
  readonly #faults = new Map<Operation, Fault>();

  /** Replaces all faults. */
  set(faults: FaultSet): void {
    this.#faults.clear();
    for (const operation of OPERATIONS) {
      const fault = faults[operation];
      if (fault) this.#faults.set(operation, fault);
    }
  }

  /** With `times` counting down. */
  current(): FaultSet {
    return Object.fromEntries(this.#faults);
  }

  /** The fault of the current call. */
  take(operation: Operation): Fault | undefined {
    const fault = this.#faults.get(operation);
    if (fault?.times === 1) this.#faults.delete(operation);
    else if (fault?.times !== undefined) this.#faults.set(operation, { ...fault, times: fault.times - 1 });
    return fault;
  }
}
