import type { Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { SayOnce } from '../foundation/say-once.ts';
import type { Notify } from './notify.ts';
import { platformError } from './platform-errors.ts';

export interface ServiceReportParts {
  readonly notify: Notify;
  /** How long the service manager waits for a sign of life. */
  readonly watchdogMs: number | undefined;
  /** Whether the start is complete. */
  readonly isReady: () => boolean;
  /** One line for people. */
  readonly status: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Soon enough for a client that waits for READY, and for a current status. */
const BEAT_MS = 1_000;
/** Sent with every beat before READY: a start may take any time, but not silently. */
const PATIENCE = 'EXTEND_TIMEOUT_USEC=30000000';

/**
 * Reports the state of the service to the service manager (sd_notify(3)). The signs of life come
 * from a timer on the event loop, so a blocked loop falls silent and is restarted.
 */
export class ServiceReport {
  readonly #parts: ServiceReportParts;
  #phase: 'starting' | 'ready' | 'reloading' = 'starting';
  #said = '';
  #signAt = 0;
  readonly #reported = new SayOnce();

  constructor(parts: ServiceReportParts) {
    this.#parts = parts;
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await this.#beat();
      await clock.sleep(Math.min(BEAT_MS, this.#signEvery), signal);
    }
  }

  /**
   * @param now - microseconds of CLOCK_MONOTONIC, which show the service manager that this answers
   * its own request.
   */
  async reloading(now = process.hrtime.bigint() / 1000n): Promise<void> {
    if (this.#phase === 'starting') return;
    this.#phase = 'reloading';
    await this.#notify('RELOADING=1', `MONOTONIC_USEC=${now}`);
  }

  async reloaded(): Promise<void> {
    if (this.#phase === 'reloading' && (await this.#notify('READY=1'))) this.#phase = 'ready';
  }

  async stopping(): Promise<void> {
    await this.#notify('STOPPING=1', 'STATUS=stopping');
  }

  get #signEvery(): number {
    return (this.#parts.watchdogMs ?? Infinity) / 2;
  }

  /** Everything to report; empty if there is nothing new. */
  async #beat(): Promise<void> {
    const { clock, isReady, status } = this.#parts;
    const text = status();
    const now = clock.monotonic();
    const becomesReady = this.#phase === 'starting' && isReady();
    const signIsDue = now >= this.#signAt && this.#signEvery < Infinity;
    const news = [
      ...(this.#phase === 'starting' ? [becomesReady ? 'READY=1' : PATIENCE] : []),
      ...(text === this.#said ? [] : [`STATUS=${text}`]),
      ...(signIsDue ? ['WATCHDOG=1'] : []),
    ];
    if (news.length === 0 || !(await this.#notify(...news))) return;
    if (becomesReady) this.#phase = 'ready';
    if (signIsDue) this.#signAt = now + this.#signEvery;
    this.#said = text;
  }

  async #notify(...assignments: readonly string[]): Promise<boolean> {
    const { notify, log } = this.#parts;
    const isAccepted = await notify(...assignments);
    if (isAccepted) this.#reported.clear('messages');
    else if (this.#reported.isNews('messages', 'not accepted')) {
      const what = 'the service manager does not accept messages of the daemon';
      log('warn', 'service manager', failureFields(platformError('SERVICE_MANAGER_UNREACHED', what)));
    }
    return isAccepted;
  }
}

/**
 * How long the service manager waits for a sign of life, in milliseconds; undefined if it does not
 * wait, or for another process (sd_watchdog_enabled(3)).
 */
export function watchdogMs(environment: Environment, pid = process.pid): number | undefined {
  const { WATCHDOG_USEC: microseconds = '', WATCHDOG_PID: watched } = environment;
  if (watched !== undefined && watched !== String(pid)) return undefined;
  return /^[1-9]\d{0,15}$/.test(microseconds) ? Number(microseconds) / 1000 : undefined;
}
