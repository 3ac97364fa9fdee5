import { writeFile as replaceContent } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import type { FileHints } from '../../src/files/file-watcher.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import type { LoadContext } from '../../src/identity/load-identity.ts';
import type { LoadedIdentity, SigningIdentity } from '../../src/identity/signing-identity.ts';
import { WatchedIdentity } from '../../src/identity/watched-identity.ts';
import { recordingLog, someIdentity } from '../sessions/support.ts';
import { FakeAgent, type FakeSvid } from '../spiffe/fake-agent.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { writeFile } from './identity-directory.ts';

/** Files that do not exist: what is read from them is given by the test. */
const config = (name: string): IdentityConfig => ({
  certificate: `/nowhere/${name}.pem`,
  privateKey: `/nowhere/${name}.key`,
  intermediates: `/nowhere/${name}.pem`,
  allowReadableKey: false,
});

const ENVIRONMENT = { HOME: '/nowhere' };

/** Reads of one configuration, which the test answers. */
interface Reading {
  readonly certificate: unknown;
  readonly context: LoadContext;
  readonly signal: AbortSignal;
  readonly answer: (outcome: LoadedIdentity | CodedError) => void;
}

function watching(files = config('one')) {
  const clock = new VirtualClock();
  const { log } = recordingLog();
  const readings: Reading[] = [];
  const watched: { readonly paths: readonly string[]; readonly hints: FileHints; isOpen: boolean }[] = [];
  const offered: string[] = [];
  let current: SigningIdentity | undefined;
  const identity = new WatchedIdentity(files, {
    held: {
      current: () => current,
      offer: ({ identity: { serial } }) => offered.push(serial),
    },
    readIdentity: ({ certificate }, context, signal) =>
      new Promise((resolve, reject) => {
        const answer: Reading['answer'] = (outcome) => {
          if (outcome instanceof CodedError) reject(outcome);
          else resolve(outcome);
        };
        readings.push({ certificate, context, signal, answer });
      }),
    watch: (paths, hints) => {
      const watch = { paths, hints, isOpen: true };
      watched.push(watch);
      return Promise.resolve({ close: () => Promise.resolve(void (watch.isOpen = false)) });
    },
    environment: ENVIRONMENT,
    clock,
    log,
  });
  onTestFinished(() => identity.stop());
  /** The next reading, once it is there. */
  const reading = async (number: number): Promise<Reading> => {
    await expect.poll(() => readings.length, { timeout: 30_000 }).toBeGreaterThan(number);
    const found = readings[number];
    if (!found) throw new Error('it was there');
    return found;
  };
  const hold = (one: SigningIdentity | undefined): void => {
    current = one;
  };
  return { identity, hold, clock, readings, reading, watched, offered };
}

const loaded = (serial: string): LoadedIdentity => ({ identity: { ...someIdentity, serial }, warnings: [] });
const MISSING = new CodedError('FILE_MISSING', 'it is missing', 'write it');

describe('the current identity', () => {
  test('is the one that is held, and no file is read for it', async () => {
    const { identity, hold, readings } = watching();
    hold(someIdentity);
    expect(await identity.current()).toBe(someIdentity);
    expect(readings).toEqual([]);
  });

  test('is read if none is held, and offered', async () => {
    const { identity, reading, offered } = watching();
    const current = identity.current();
    (await reading(0)).answer(loaded('1'));
    expect([(await current).serial, offered]).toEqual(['1', ['1']]);
  });

  test('fails with the reason of its files', async () => {
    const { identity, reading, offered } = watching();
    const current = identity.current();
    (await reading(0)).answer(MISSING);
    await expect(current).rejects.toBe(MISSING);
    expect(offered).toEqual([]);
  });

  test('comes from the new files if the old ones fail after a change of configuration', async () => {
    const { identity, reading, hold } = watching();
    const current = identity.current();
    const old = await reading(0);
    await identity.replace(config('two'));
    (await reading(1)).answer(loaded('2'));
    hold({ ...someIdentity, serial: '2' });
    old.answer(MISSING);
    expect((await current).serial).toBe('2');
  });
});

describe('the files of an identity', () => {
  test('are watched, each once, and read at the start', async () => {
    const { identity, reading, watched, offered } = watching();
    identity.start();
    (await reading(0)).answer(loaded('1'));
    expect(watched.map(({ paths }) => paths)).toEqual([['/nowhere/one.pem', '/nowhere/one.key']]);
    await expect.poll(() => offered, { timeout: 30_000 }).toEqual(['1']);
    expect(identity.fault).toBeUndefined();
  });

  test('are checked soon after a hint', async () => {
    const file = writeFile('one');
    const { identity, reading, readings, clock } = watching({ ...config('one'), certificate: file });
    identity.start();
    (await reading(0)).answer(loaded('1'));
    await expect.poll(() => clock.hasSleepers, { timeout: 30_000 }).toBe(true);
    await replaceContent(file, 'another');
    identity.nudge();
    const begun = clock.now();
    await expect.poll(() => clock.advance(100).then(() => readings.length), { timeout: 30_000, interval: 100 }).toBe(2);
    expect(clock.now() - begun).toBeLessThan(30_000);
    readings[1]?.answer(loaded('2'));
  });

  test('are read with the time and the environment, and a module of the key is not watched', async () => {
    const privateKey = { kind: 'pkcs11', uri: 'pkcs11:', module: '/usr/lib/token.so' } as const;
    const { identity, reading, watched, clock } = watching({ ...config('one'), privateKey });
    identity.start();
    const { context, answer } = await reading(0);
    answer(loaded('1'));
    expect(context).toEqual({ now: clock.now(), environment: ENVIRONMENT });
    expect(watched.map(({ paths }) => paths)).toEqual([['/nowhere/one.pem']]);
  });

  test('that are not used have a reason', async () => {
    const { identity, reading } = watching();
    identity.start();
    (await reading(0)).answer(MISSING);
    await expect.poll(() => identity.fault, { timeout: 30_000 }).toBe(MISSING);
  });

  test('of an earlier configuration are not watched any more, and what comes late of them is not offered', async () => {
    const { identity, reading, watched, offered } = watching();
    identity.start();
    const old = await reading(0);
    const replaced = identity.replace(config('two'));
    expect(old.signal.aborted).toBe(true);
    old.answer(loaded('1'));
    await replaced;
    const next = await reading(1);
    next.answer(loaded('2'));
    await expect.poll(() => offered, { timeout: 30_000 }).toEqual(['2']);
    expect([old.certificate, next.certificate]).toEqual(['/nowhere/one.pem', '/nowhere/two.pem']);
    expect(watched.map(({ isOpen }) => isOpen)).toEqual([false, true]);
    await identity.stop();
    expect(watched.map(({ isOpen }) => isOpen)).toEqual([false, false]);
  });
});

describe('SVIDs of a SPIFFE agent', () => {
  const svid = (name: string): FakeSvid => ({
    ...{ id: `spiffe://example.org/${name}`, certificates: [Buffer.from(name)] },
    ...{ key: Buffer.from('key'), bundle: [] },
  });

  async function following(...names: readonly string[]) {
    const agent = await FakeAgent.start(names.map(svid));
    const certificate = { kind: 'spiffe', socket: agent.socket } as const;
    const played = watching({ certificate, allowReadableKey: false });
    const { identity, clock, readings, reading } = played;
    identity.start();
    onTestFinished(() => identity.stop());
    /** Gives the next reading an identity, and returns the IDs that it found. */
    const ids = async (number: number): Promise<readonly string[]> => {
      await expect
        .poll(() => clock.advance(100).then(() => readings.length), { timeout: 30_000, interval: 20 })
        .toBe(number + 1);
      const { context, answer } = await reading(number);
      const found = (await context.svids?.())?.map(({ id }) => id) ?? [];
      answer(loaded(String(number)));
      return found;
    };
    return { ...played, agent, ids };
  }

  test('are read as they come, together with the files', async () => {
    const { agent, ids, watched } = await following('one');
    expect(await ids(0)).toEqual(['spiffe://example.org/one']);
    expect(watched.map(({ paths }) => paths)).toEqual([[]]);
    agent.push([svid('two'), svid('three')]);
    expect(await ids(1)).toEqual(['spiffe://example.org/two', 'spiffe://example.org/three']);
    expect(agent.calls).toHaveLength(1);
  });

  test('are asked for again after a hint, even if the agent refused the call', async () => {
    const { agent, ids, identity, clock } = await following('one');
    await ids(0);
    agent.refuse(3, 'no such call');
    await expect
      .poll(() => clock.advance(100).then(() => identity.fault?.code), { timeout: 30_000, interval: 20 })
      .toBe('SPIFFE_CALL_REFUSED');
    agent.push([svid('two')]);
    identity.nudge();
    expect(await ids(1)).toEqual(['spiffe://example.org/two']);
  });

  test('are not followed after the stop', async () => {
    const { agent, ids, identity } = await following('one');
    await ids(0);
    await identity.stop();
    await expect.poll(() => agent.openCalls, { timeout: 30_000 }).toBe(0);
  });
});
