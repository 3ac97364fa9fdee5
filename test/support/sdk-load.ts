import { setTimeout as delay } from 'node:timers/promises';
import { ReadingLedger } from './reading-ledger.ts';
import { SdkClient } from './sdk-client.ts';

export interface LoadOptions {
  readonly clients: number;
  /** Milliseconds between two readings of a client. */
  readonly everyMs: number;
}

/**
 * SDK-shaped clients that read all the time, every answer checked. Half of them keep their token.
 *
 *     const load = new SdkLoad(url, { clients: 10, everyMs: 500 });
 *     ...
 *     await load.stop();
 *     expect(load.ledger.wrong).toEqual([]);
 */
export class SdkLoad {
  readonly ledger = new ReadingLedger();
  /** Milliseconds that documents took since the last `takeTimes`. */
  #times: number[] = [];
  #stopping = false;
  readonly #lanes: readonly Promise<void>[];

  constructor(url: string, { clients, everyMs }: LoadOptions) {
    this.#lanes = Array.from({ length: clients }, (_, index) => this.#lane(url, index, everyMs, index / clients));
  }

  /** Durations of documents so far, in ascending order. Starts counting again. */
  takeTimes(): number[] {
    const times = this.#times.sort((left, right) => left - right);
    this.#times = [];
    return times;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#lanes);
  }

  /** Lanes start one after the other, so that they do not all ask at the same time. */
  async #lane(url: string, index: number, everyMs: number, offset: number): Promise<void> {
    const client = new SdkClient(url, index % 2 === 0);
    await delay(offset * everyMs);
    while (!this.#stopping) {
      const reading = await client.read();
      this.ledger.enter(index, reading);
      if (reading.documentMs !== undefined) this.#times.push(reading.documentMs);
      await delay(Math.max(0, everyMs - (Date.now() - reading.sentAt)));
    }
    client.close();
  }
}
