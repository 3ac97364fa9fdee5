import { describe, expect, test } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import { IdentityRollover } from '../../src/sessions/identity-rollover.ts';
import type { IdentityChange } from '../../src/sessions/rollover.ts';
import type { CreateSession } from '../../src/sessions/session-keeper.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { grantedSession, HOUR, recordingLog, someIdentity } from './support.ts';

function holding() {
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const changes: IdentityChange[] = [];
  const held = new IdentityRollover({ clock, log });
  held.onChange((change) => changes.push(change));
  /** Grants the candidate a session. */
  const adopt = async (): Promise<void> => {
    const used = held.current();
    if (!used) throw new Error('there is always one');
    await held.within(() => Promise.resolve(grantedSession(clock.now())), 'device')(used, new AbortController().signal);
  };
  const codes = (): unknown[] => lines.map(({ fields }) => fields['code']).filter((code) => code !== undefined);
  return { held, adopt, clock, changes, lines, codes };
}

const FAR = Date.parse('2045-01-01');

function identity(fingerprint: string, changes: Partial<SigningIdentity> = {}): SigningIdentity {
  return { ...someIdentity, notAfter: FAR, fingerprint, ...changes };
}

const loaded = (one: SigningIdentity, ...warnings: CodedError[]) => ({ identity: one, warnings });

describe('the identity in use', () => {
  test('the first one is used at once', () => {
    const { held, changes } = holding();
    expect(held.current()).toBeUndefined();
    held.offer(loaded(identity('a')));
    expect(held.current()?.fingerprint).toBe('a');
    expect(held.candidate).toBeUndefined();
    expect(changes).toEqual(['first']);
  });

  test('the next one is a candidate until it is adopted', async () => {
    const { held, adopt, changes } = holding();
    const next = identity('b');
    held.offer(loaded(identity('a')));
    held.offer(loaded(next));
    expect([held.current()?.fingerprint, held.candidate?.fingerprint]).toEqual(['a', 'b']);
    await adopt();
    expect([held.current()?.fingerprint, held.candidate]).toEqual(['b', undefined]);
    expect(changes).toEqual(['first', 'candidate', 'adopted']);
  });

  test('the same one again is no change', () => {
    const { held, changes, lines } = holding();
    held.offer(loaded(identity('a')));
    held.offer(loaded(identity('a')));
    expect(changes).toEqual(['first']);
    expect(lines).toHaveLength(1);
  });

  test('the same certificate with another chain is a change', () => {
    const { held } = holding();
    held.offer(loaded(identity('a')));
    held.offer(loaded(identity('a', { chain: [Buffer.from('intermediate')] })));
    expect(held.candidate?.chain).toHaveLength(1);
  });

  test('when the old files are back, nothing is left to try', () => {
    const { held } = holding();
    held.offer(loaded(identity('a')));
    held.offer(loaded(identity('b')));
    held.offer(loaded(identity('a')));
    expect([held.current()?.fingerprint, held.candidate]).toEqual(['a', undefined]);
  });

  test('a newer candidate replaces one that was not adopted', () => {
    const { held } = holding();
    for (const name of ['a', 'b', 'c']) held.offer(loaded(identity(name)));
    expect([held.current()?.fingerprint, held.candidate?.fingerprint]).toEqual(['a', 'c']);
  });

  test('one that is adopted after the old files came back is used until the old one is tried and adopted', async () => {
    const { held, adopt, clock, changes } = holding();
    const [old, next] = [identity('a'), identity('b')];
    held.offer(loaded(old));
    held.offer(loaded(next));
    const meanwhile: CreateSession = () => {
      held.offer(loaded(old));
      return Promise.resolve(grantedSession(clock.now()));
    };
    await held.within(meanwhile, 'device')(old, new AbortController().signal);
    expect([held.current()?.fingerprint, held.candidate?.fingerprint]).toEqual(['b', 'a']);
    await adopt();
    expect([held.current()?.fingerprint, held.candidate]).toEqual(['a', undefined]);
    expect(changes).toEqual(['first', 'candidate', 'adopted', 'candidate', 'adopted']);
  });

  test('an expired one is replaced by the candidate or by nothing', async () => {
    const { held, clock, lines } = holding();
    held.offer(loaded(identity('a', { notAfter: clock.now() + HOUR })));
    held.offer(loaded(identity('b', { notAfter: clock.now() + 2 * HOUR })));
    await clock.advance(HOUR);
    expect([held.current()?.fingerprint, held.candidate]).toEqual(['b', undefined]);
    expect(lines.at(-1)).toMatchObject({ level: 'info', message: expect.stringContaining('has expired') as string });
    const logged = lines.length;
    await clock.advance(HOUR);
    expect([held.current(), held.used?.fingerprint, lines.length]).toEqual([undefined, 'b', logged]);
    held.offer(loaded(identity('c')));
    expect([held.current()?.fingerprint, held.candidate]).toEqual(['c', undefined]);
  });

  test('a changed subject is logged as a warning, a new serial number alone is not', () => {
    const { held, codes, lines } = holding();
    held.offer(loaded(identity('a', { subject: 'CN=device-0001', serial: '1' })));
    held.offer(loaded(identity('b', { subject: 'CN=device-0001', serial: '2' })));
    expect(codes()).toEqual([]);
    held.offer(loaded(identity('c', { subject: 'CN=device-0002' })));
    expect(codes()).toEqual(['CERTIFICATE_SUBJECT_CHANGED']);
    expect(lines.at(-1)?.fields['error']).toMatch(/from CN=device-0001 to CN=device-0002/);
    expect(lines.map(({ level }) => level)).toEqual(['info', 'info', 'info', 'warn']);
  });

  test('a warning is logged once, and again after a different one or none', () => {
    const { held, codes, lines } = holding();
    const warning = (code: string) => new CodedError(code, 'it will not stay so', 'renew');
    const one = identity('a');
    for (const code of ['SOON', 'SOON', 'OTHER', 'SOON']) held.offer(loaded(one, warning(code)));
    expect(codes()).toEqual(['SOON', 'OTHER', 'SOON']);
    held.offer(loaded(one));
    held.offer(loaded(one, warning('SOON')));
    expect(codes()).toEqual(['SOON', 'OTHER', 'SOON', 'SOON']);
    expect(lines.at(-1)?.level).toBe('warn');
  });

  test('each kind of warning is logged, also those of others about the identity', () => {
    const lines: unknown[] = [];
    const warning = (code: string, what = 'x'): CodedError => new CodedError(code, what, 'renew');
    const held = new IdentityRollover({
      clock: new VirtualClock(),
      log: (_level, _message, fields) => void lines.push([fields?.['code'], fields?.['error']]),
      warningsOf: ({ fingerprint }) => (fingerprint === 'a' ? [warning('TAG', 'first'), warning('TAG', 'second')] : []),
    });
    const warned = (): unknown[] => lines.splice(0).filter((line) => Array.isArray(line) && line[0] !== undefined);
    held.offer(loaded(identity('a'), warning('SOON')));
    expect(warned()).toEqual([
      ['SOON', 'x'],
      ['TAG', 'first'],
    ]);
    held.offer(loaded(identity('a'), warning('SOON')));
    expect(warned()).toEqual([]);
    held.offer(loaded(identity('b')));
    held.offer(loaded(identity('a')));
    expect(warned()).toEqual([['TAG', 'first']]);
  });
});
