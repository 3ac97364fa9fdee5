import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import type { PrivateFiles } from '../../src/state/private-files.ts';
import { openState, type State, type StateParts } from '../../src/state/state.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { MINUTE, role, session } from './support.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A file system that can hang, like a network share, or be full. */
class Disk implements PrivateFiles {
  readonly content = new Map<string, Buffer>();
  underWay = 0;
  mostUnderWay = 0;
  reads = 0;
  writes = 0;
  sweeps = 0;
  failure: Error | undefined;
  #hang: Promise<void> | undefined;
  #go: () => void = () => undefined;

  hang(): void {
    this.#hang = new Promise((resolve) => (this.#go = resolve));
  }

  go(): void {
    this.#go();
    this.#hang = undefined;
  }

  read(name: string): Promise<Buffer | undefined> {
    this.reads += 1;
    return this.#op(() => this.content.get(name));
  }

  write(name: string, content: Buffer): Promise<void> {
    this.writes += 1;
    return this.#op(() => {
      if (this.failure) throw this.failure;
      this.content.set(name, content);
    });
  }

  sweep(): Promise<void> {
    this.sweeps += 1;
    return this.#op(() => undefined);
  }

  async #op<T>(work: () => T): Promise<T> {
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    await this.#hang;
    this.underWay -= 1;
    return work();
  }
}

async function host(disk: Disk, parts: Partial<StateParts> = {}) {
  const clock = new VirtualClock();
  const codes: unknown[] = [];
  const opening = openState({
    directory: 'state',
    clock,
    log: (_level, message, fields) => codes.push(fields?.['code'] ?? message),
    files: disk,
    ...parts,
  });
  const advance = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await new Promise(setImmediate);
  };
  await advance(2_000);
  return { clock, codes, advance, state: await opening };
}

const restored = (state: State) => state.session(role).restored(() => Promise.resolve(privateKey));

test('with a hanging share, a start takes two seconds and blocks only one thread', async () => {
  const disk = new Disk();
  disk.hang();
  const { clock, codes, advance, state } = await host(disk);
  expect(codes).toEqual(['STATE_UNREADABLE']);
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const nothing = restored(state);
    await advance(2_000);
    expect(await nothing).toBeUndefined();
  }
  state.session(role).keep(session(clock.now()), privateKey);
  await advance(10 * MINUTE);
  expect(disk.mostUnderWay).toBe(1);
  // Once for the token key, once for the session.
  expect(codes).toEqual(['STATE_UNREADABLE', 'STATE_UNREADABLE']);
  disk.go();
  await expect.poll(() => codes.at(-1)).toBe('state is stored again');
  await expect.poll(() => disk.content.size).toBe(2);
  // Nobody waits any more for the reads that were given up.
  expect(disk.reads).toBe(1);
  expect((await restored(state))?.accessKeyId).toBe('ASIAEXAMPLE000000001');
});

test('a read in time leaves no timer', async () => {
  const { clock, state } = await host(new Disk());
  await restored(state);
  expect(clock.hasSleepers).toBe(false);
});

test('old sessions are removed once, after the first write', async () => {
  const disk = new Disk();
  const { clock, advance, state } = await host(disk);
  for (let grant = 0; grant < 3; grant += 1) {
    state.session(role).keep(session(clock.now(), `ASIAGRANT${grant}`), privateKey);
    await advance(MINUTE);
  }
  expect([disk.writes, disk.sweeps]).toEqual([4, 1]);
});

test('a stop does not wait for a hanging share', async () => {
  const disk = new Disk();
  const { clock, advance, state } = await host(disk);
  disk.hang();
  state.session(role).keep(session(clock.now()), privateKey);
  const closing = state.close();
  await advance(1_000);
  await closing;
});

test('a full disk is logged once and retried every minute, one try at a time, and finally gets the newest session', async () => {
  const disk = new Disk();
  const { clock, codes, advance, state } = await host(disk);
  disk.failure = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  for (let grant = 0; grant < 5; grant += 1) {
    state.session(role).keep(session(clock.now(), `ASIAGRANT${grant}`), privateKey);
    await advance(10 * MINUTE);
  }
  expect(codes).toHaveLength(1);
  expect(disk.mostUnderWay).toBe(1);
  expect(disk.writes).toBeGreaterThanOrEqual(45);
  expect(disk.writes).toBeLessThanOrEqual(60);
  disk.failure = undefined;
  await advance(MINUTE);
  await expect.poll(() => codes.at(-1)).toBe('state is stored again');
  expect((await restored(state))?.accessKeyId).toBe('ASIAGRANT4');
});

test('one role that cannot be written does not delay the others', async () => {
  const disk = new Disk();
  const { clock, advance, state } = await host(disk);
  const other = { ...role, name: 'reader' };
  let refused: string | undefined;
  const write = disk.write.bind(disk);
  disk.write = (name, content) => {
    refused ??= name;
    return name === refused ? Promise.reject(new Error('not this one')) : write(name, content);
  };
  state.session(role).keep(session(clock.now()), privateKey);
  state.session(other).keep(session(clock.now(), 'ASIAREADER'), privateKey);
  await advance(0);
  await advance(MINUTE);
  const found = await state.session(other).restored(() => Promise.resolve(privateKey));
  expect(found?.accessKeyId).toBe('ASIAREADER');
  expect(await restored(state)).toBeUndefined();
});

test('a stateKey on a hanging share delays no start: read once, given up after two seconds, and logged', async () => {
  const disk = new Disk();
  const key = new Secret('a-state-key-that-nobody-can-guess-0123456789');
  let give: (key: Secret) => void = () => undefined;
  let reads = 0;
  const ownKey = (): Promise<Secret> => {
    reads += 1;
    return new Promise((resolve) => (give = resolve));
  };
  const { clock, codes, advance, state } = await host(disk, { ownKey });
  state.session(role).keep(session(clock.now()), privateKey);
  await advance(0);
  give(key);
  await expect.poll(() => disk.content.size).toBe(2);
  reads = 0;
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const nothing = restored(state);
    await advance(2_000);
    expect(await nothing).toBeUndefined();
  }
  expect([reads, codes]).toEqual([1, ['STATE_KEY_UNREADABLE']]);
  give(key);
  await advance(0);
  const found = restored(state);
  await advance(0);
  give(key);
  expect((await found)?.accessKeyId).toBe('ASIAEXAMPLE000000001');
});
