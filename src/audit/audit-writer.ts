import type { Clock } from '../foundation/clock.ts';
import { messageOf } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';
import { auditError } from './audit-errors.ts';
import type { AuditSink } from './audit-file.ts';
import { auditLine } from './audit-schema.ts';

export interface AuditWriterParts {
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly log: Log;
}

/** Lines that may wait for a slow disk. More are dropped and counted. */
const MOST_WAITING = 1_000;
/** How long the daemon's stop may wait for the disk. */
const CLOSING_MS = 1_000;

/**
 * Writes lines in order, in the background: a full or hanging disk must not keep clients from
 * credentials.
 */
export class AuditWriter {
  readonly #parts: AuditWriterParts;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #lost = 0;
  /** The last line is incomplete. */
  #isTorn: boolean;
  readonly #said = new SayOnce();

  constructor(parts: AuditWriterParts) {
    this.#parts = parts;
    this.#isTorn = parts.sink.isTorn ?? false;
  }

  write(line: string): void {
    if (this.#waiting >= MOST_WAITING) {
      this.#lose(`${MOST_WAITING} lines wait for the disk`);
      return;
    }
    this.#waiting += 1;
    this.#next(async () => {
      this.#waiting -= 1;
      await this.#append(line);
    });
  }

  /** Opens the file again after a rotation. */
  reopen(): void {
    this.#next(async () => {
      const { sink, log } = this.#parts;
      await sink.reopen().then(
        () => (this.#isTorn = sink.isTorn ?? this.#isTorn),
        (error: unknown) => {
          log('error', 'audit log not opened again; still writing to the previous file', failureFields(error));
        },
      );
    });
  }

  async close(): Promise<void> {
    const written = new AbortController();
    this.#next(async () => {
      await this.#parts.sink.close().catch(() => undefined);
      written.abort();
    });
    await this.#parts.clock.sleep(CLOSING_MS, written.signal);
  }

  #next(work: () => Promise<void>): void {
    this.#tail = this.#tail.then(work);
  }

  /** Never rejects. */
  async #append(line: string): Promise<void> {
    const gap = this.#lost > 0 ? auditLine('audit.gap', { lost: this.#lost }, this.#parts.clock.now()) : '';
    const bytes = Buffer.from(`${this.#isTorn ? '\n' : ''}${gap}${line}`);
    try {
      const taken = await this.#parts.sink.write(bytes);
      if (taken < bytes.length) {
        this.#isTorn = this.#isTorn || taken > 0;
        throw new Error(`${taken} of ${bytes.length} bytes were written`);
      }
      this.#written();
    } catch (error) {
      this.#lose(messageOf(error));
    }
  }

  #written(): void {
    this.#isTorn = false;
    if (this.#said.clear('file')) this.#parts.log('info', 'audit log is written again', { lost: this.#lost });
    this.#lost = 0;
  }

  /** Logged once: a full disk must not fill the log too. */
  #lose(why: string): void {
    this.#lost += 1;
    if (!this.#said.isNews('file', 'lost')) return;
    this.#parts.log('error', 'audit log', failureFields(auditError('AUDIT_NOT_WRITTEN', `a line is missing: ${why}`)));
  }
}
