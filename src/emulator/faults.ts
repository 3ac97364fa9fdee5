import * as v from 'valibot';

/** What the emulator counts and can be made to fail at. */
export const OPERATIONS = ['createSession', 'getCallerIdentity'] as const;
export type Operation = (typeof OPERATIONS)[number];

const wholeNumber = (least: number, most: number): v.GenericSchema<unknown, number> =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const faultSchema = v.pipe(
  v.strictObject({
    latencyMs: v.optional(wholeNumber(0, 600_000)),
    status: v.optional(wholeNumber(200, 599)),
    /** Seconds, for the Retry-After header. */
    retryAfter: v.optional(wholeNumber(0, 86_400)),
    message: v.optional(v.string()),
    body: v.optional(v.string()),
    hang: v.optional(v.literal(true)),
    reset: v.optional(v.literal(true)),
    /** For so many calls; without it, until it is taken away. */
    times: v.optional(wholeNumber(1, 1_000_000)),
  }),
  v.check(
    ({ latencyMs, status, body, hang, reset }) =>
      [latencyMs, status, body, hang, reset].some((effect) => effect !== undefined),
    'Invalid fault: it names no effect (latencyMs, status, body, hang, reset)',
  ),
  v.check(
    ({ status, body, hang, reset }) =>
      [status ?? body, hang, reset].filter((ending) => ending !== undefined).length <= 1,
    'Invalid fault: an answer (status, body), hang and reset exclude each other',
  ),
  v.check(
    ({ status, retryAfter, message }) => status !== undefined || (retryAfter ?? message) === undefined,
    'Invalid fault: retryAfter and message need a status',
  ),
  v.check(
    ({ body, message }) => body === undefined || message === undefined,
    'Invalid fault: body and message exclude each other',
  ),
);

const faultsSchema = v.strictObject({
  createSession: v.optional(faultSchema),
  getCallerIdentity: v.optional(faultSchema),
});

export type Fault = v.InferOutput<typeof faultSchema>;
export type FaultSet = v.InferOutput<typeof faultsSchema>;

/** Checks what somebody wants to go wrong; every problem is named with its key. */
export function parseFaults(wanted: unknown): { readonly faults: FaultSet } | { readonly problems: string[] } {
  const result = v.safeParse(faultsSchema, wanted);
  if (result.success) return { faults: result.output };
  return { problems: result.issues.map((issue) => [v.getDotPath(issue), issue.message].filter(Boolean).join(': ')) };
}

/** The faults in force, switched while the emulator runs. */
export class Faults {
  readonly #faults = new Map<Operation, Fault>();

  /** Replaces them all. */
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

  /** The fault that the call at hand is to suffer. */
  take(operation: Operation): Fault | undefined {
    const fault = this.#faults.get(operation);
    if (fault?.times === 1) this.#faults.delete(operation);
    else if (fault?.times !== undefined) this.#faults.set(operation, { ...fault, times: fault.times - 1 });
    return fault;
  }
}
