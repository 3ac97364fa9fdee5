import { describe, expect, test } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { IdentityReload } from '../../src/identity/identity-reload.ts';
import type { LoadedIdentity } from '../../src/identity/signing-identity.ts';
import { HOUR, MINUTE, recordingLog, SECOND, someIdentity } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const POLL = 30 * SECOND;
const YEAR = 365 * 24 * HOUR;

/** A file set that is a word: what it says, or what is wrong with it. */
function reload(clock = new VirtualClock(), life = YEAR) {
  const files = { content: 'good 1', loads: 0 };
  const accepted: string[] = [];
  const { log, lines } = recordingLog();
  const identity = { ...someIdentity, notBefore: clock.now(), notAfter: clock.now() + life };
  const made = new IdentityReload({
    digest: () => Promise.resolve(files.content),
    load: (): Promise<LoadedIdentity> => {
      files.loads += 1;
      const { content } = files;
      if (!content.startsWith('good'))
        return Promise.reject(new CodedError(content, `they are ${content}`, 'fix them'));
      return Promise.resolve({ identity: { ...identity, serial: content }, warnings: [] });
    },
    accept: ({ identity: { serial } }) => accepted.push(serial),
    clock,
    log,
  });
  return { reload: made, files, accepted, clock, lines };
}

type Reloading = ReturnType<typeof reload>;

/** Looks as often as it says for so long. @returns the pauses between the looks, milliseconds. */
async function lookFor(ms: number, { reload: made, clock }: Reloading): Promise<number[]> {
  const until = clock.now() + ms;
  const pauses: number[] = [];
  while (clock.now() < until) {
    const pause = await made.look();
    pauses.push(pause);
    await clock.advance(pause);
  }
  return pauses;
}

const warned = ({ lines }: Reloading): unknown[] =>
  lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['code']);

describe('reading the files of an identity again', () => {
  test('reads unchanged files once and checks them every 30 s', async () => {
    const it = reload();
    expect(new Set(await lookFor(HOUR, it))).toEqual(new Set([POLL]));
    expect(it.files.loads).toBe(1);
    expect(it.accepted).toEqual(['good 1']);
  });

  test('passes on a change at the next check', async () => {
    const it = reload();
    await it.reload.look();
    it.files.content = 'good 2';
    await it.reload.look();
    expect(it.accepted).toEqual(['good 1', 'good 2']);
  });

  test('checks an incomplete set every second and logs nothing if it is complete within ten', async () => {
    const it = reload();
    await it.reload.look();
    it.files.content = 'HALF';
    expect(await lookFor(9 * SECOND, it)).toEqual(Array.from({ length: 9 }, () => SECOND));
    expect(it.files.loads).toBe(2);
    it.files.content = 'good 2';
    await it.reload.look();
    expect(it.accepted).toEqual(['good 1', 'good 2']);
    expect(it.lines).toEqual([]);
  });

  test('logs a problem once after ten seconds, with code and remedy', async () => {
    const it = reload();
    await it.reload.look();
    it.files.content = 'HALF';
    await lookFor(HOUR, it);
    expect(it.lines).toMatchObject([{ level: 'warn', fields: { code: 'HALF', remedy: 'fix them' } }]);
    it.files.content = 'good 1';
    await it.reload.look();
    expect(it.lines.at(-1)).toMatchObject({ level: 'info', message: 'certificate and key are valid again' });
    it.files.content = 'HALF';
    await lookFor(MINUTE, it);
    expect(warned(it)).toEqual(['HALF', 'HALF']);
  });

  test('waits ten seconds for each fault', async () => {
    const it = reload();
    it.files.content = 'HALF';
    await lookFor(MINUTE, it);
    it.files.content = 'EXPIRED';
    await lookFor(9 * SECOND, it);
    expect(warned(it)).toEqual(['HALF']);
    await lookFor(2 * SECOND, it);
    expect(warned(it)).toEqual(['HALF', 'EXPIRED']);
  });

  test('logs a set that keeps changing after ten seconds', async () => {
    const it = reload();
    for (let second = 0; second <= 10; second += 1) {
      it.files.content = `HALF ${second}`;
      await lookFor(SECOND, it);
    }
    expect(warned(it)).toEqual(['HALF 10']);
  });

  test('reads an invalid set again every five minutes, and when the clock is set', async () => {
    const it = reload();
    it.files.content = 'NOT_YET_VALID';
    await lookFor(HOUR, it);
    expect(it.files.loads).toBe(12);
    it.clock.step(-24 * HOUR);
    await it.reload.look();
    expect(it.files.loads).toBe(13);
  });

  test('reads a valid set again every day, because warnings depend on the time', async () => {
    const it = reload();
    await lookFor(72 * HOUR + MINUTE, it);
    expect(it.files.loads).toBe(4);
  });

  test('reads a set that is valid for an hour again every three minutes', async () => {
    const it = reload(new VirtualClock(), HOUR);
    await lookFor(30 * MINUTE, it);
    expect(it.files.loads).toBe(10);
  });

  test('reports files that cannot be read in time', async () => {
    const { log, lines } = recordingLog();
    const clock = new VirtualClock();
    const slow = new CodedError('FILES_SLOW', 'they hang', 'see why');
    const made = new IdentityReload({
      digest: () => Promise.reject(slow),
      load: () => Promise.reject(new Error('read all the same')),
      accept: () => undefined,
      clock,
      log,
    });
    await expect(made.load()).rejects.toBe(slow);
    await made.look();
    await clock.advance(10 * SECOND);
    await made.look();
    expect(lines).toMatchObject([{ level: 'warn', fields: { code: 'FILES_SLOW' } }]);
  });

  test('reads once for simultaneous requests', async () => {
    const it = reload();
    const all = await Promise.all([it.reload.load(), it.reload.load(), it.reload.load(), it.reload.look()]);
    expect(it.files.loads).toBe(1);
    expect(all[0]).toBe(all[2]);
    await it.reload.load();
    expect(it.files.loads).toBe(2);
  });
});
