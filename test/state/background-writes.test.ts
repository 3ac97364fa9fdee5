import { expect, onTestFinished, test } from 'vitest';
import { BackgroundWrites } from '../../src/state/background-writes.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const MINUTE = 60_000;

/** Files that the test completes or refuses, one write at a time. */
class Disk {
  readonly clock = new VirtualClock(0);
  /** What was asked for, such as `session: one`, and when. */
  readonly asked: (readonly [text: string, at: number])[] = [];
  readonly failures: unknown[] = [];
  written = 0;
  #running: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  readonly writes = new BackgroundWrites({
    files: {
      write: (name, content) => {
        if (this.#running) throw new Error('two writes at the same time');
        this.asked.push([`${name}: ${content.toString()}`, this.clock.now()]);
        return new Promise<void>((resolve, reject) => (this.#running = { resolve, reject })).finally(
          () => (this.#running = undefined),
        );
      },
    },
    clock: this.clock,
    written: () => (this.written += 1),
    failed: (error) => this.failures.push(error),
  });

  put(name: string, content: string): void {
    this.writes.put(name, () => Buffer.from(content));
  }

  async complete(): Promise<void> {
    await this.clock.advance(0);
    this.#running?.resolve();
    await this.clock.advance(0);
  }

  async refuse(): Promise<void> {
    await this.clock.advance(0);
    this.#running?.reject(new Error('no space'));
    await this.clock.advance(0);
  }

  get texts(): readonly string[] {
    return this.asked.map(([text]) => text);
  }
}

function disk(): Disk {
  const made = new Disk();
  onTestFinished(() => made.complete());
  return made;
}

test('newer content that comes during a write is written next', async () => {
  const one = disk();
  one.put('session', 'first');
  await one.clock.advance(0);
  one.put('session', 'second');
  one.put('session', 'third');
  await one.complete();
  await one.complete();
  expect([one.texts, one.written]).toEqual([['session: first', 'session: third'], 2]);
});

test('a write that failed is tried again after a minute', async () => {
  const one = disk();
  one.put('session', 'first');
  await one.refuse();
  expect(one.failures).toEqual([new Error('no space')]);
  await one.clock.advance(MINUTE - 1);
  expect(one.texts).toHaveLength(1);
  await one.clock.advance(1);
  await one.complete();
  expect([one.asked.at(-1), one.written]).toEqual([['session: first', MINUTE], 1]);
  await one.clock.advance(2 * MINUTE);
  expect(one.texts).toHaveLength(2);
});

test('newer content is tried at once', async () => {
  const one = disk();
  one.put('session', 'first');
  await one.refuse();
  one.put('session', 'second');
  await one.complete();
  expect(one.asked).toEqual([
    ['session: first', 0],
    ['session: second', 0],
  ]);
});

test('a file that cannot be written comes after the others', async () => {
  const one = disk();
  one.put('bad', 'x');
  await one.clock.advance(0);
  one.put('good', 'y');
  await one.refuse();
  await one.clock.advance(MINUTE);
  await one.complete();
  expect(one.texts).toEqual(['bad: x', 'good: y', 'bad: x']);
});

test('a close waits for what is being written, and leaves no timer', async () => {
  const one = disk();
  one.put('session', 'first');
  await one.clock.advance(0);
  const closed = one.writes.close();
  await one.complete();
  await closed;
  expect([one.written, one.clock.now(), one.clock.hasSleepers]).toEqual([1, 0, false]);
});

test('a close tries once more at once, and then gives up', async () => {
  const one = disk();
  one.put('session', 'first');
  await one.refuse();
  const closed = one.writes.close();
  await one.refuse();
  await closed;
  expect([one.texts.length, one.clock.now()]).toEqual([2, 0]);
});

test('a close gives up a write that hangs after a second', async () => {
  const one = disk();
  one.put('session', 'first');
  const closed = one.writes.close();
  await one.clock.advance(1_000);
  await closed;
  expect(one.written).toBe(0);
});
