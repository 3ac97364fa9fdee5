/** The activity of a simulated fleet, per second of virtual time. Times are milliseconds. */
export class Timeline {
  readonly seconds: number;
  /** Calls that reached the service. */
  readonly offered: Uint32Array;
  readonly admitted: Uint32Array;
  /** Milliseconds without a session, for each one that expired before the next came. */
  readonly gaps: number[] = [];
  /**
   * For each host that got a session after recovery began: when it came, and how many calls it
   * took.
   */
  readonly renewals: { readonly at: number; readonly calls: number }[] = [];
  readonly #held: Int32Array;

  constructor(until: number) {
    this.seconds = Math.ceil(until / 1000);
    const perSecond = (): Uint32Array => new Uint32Array(this.seconds + 1);
    [this.offered, this.admitted] = [perSecond(), perSecond()];
    this.#held = new Int32Array(this.seconds + 1);
  }

  called(at: number, isAdmitted: boolean): void {
    add(this.offered, at, 1);
    if (isAdmitted) add(this.admitted, at, 1);
  }

  /** One host more (+1) or fewer (-1) has a session. */
  holds(at: number, change: 1 | -1): void {
    add(this.#held, at, change);
  }

  renewed(at: number, calls: number): void {
    this.renewals.push({ at, calls });
  }

  lapsed(gap: number): void {
    this.gaps.push(gap);
  }

  /** How many hosts have a session, at the end of each second. */
  holding(): number[] {
    let now = 0;
    return Array.from(this.#held, (change) => (now += change));
  }
}

/** Sum over the seconds `[from, to)`. */
export function total(counts: Uint32Array, from: number, to: number): number {
  return counts.subarray(from, to).reduce((sum, count) => sum + count, 0);
}

function add(counts: Uint32Array | Int32Array, at: number, change: number): void {
  const second = Math.floor(at / 1000);
  counts[second] = (counts[second] ?? 0) + change;
}
