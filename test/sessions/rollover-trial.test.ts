import { describe, expect, test } from 'vitest';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import { ExchangeFailure } from '../../src/rolesanywhere/exchange-failure.ts';
import { IdentityRollover } from '../../src/sessions/identity-rollover.ts';
import type { CreateSession } from '../../src/sessions/session-keeper.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { failure, grantedSession, MINUTE, recordingLog, someIdentity } from './support.ts';

const notAfter = Date.parse('2045-01-01');
const identity = (name: string): SigningIdentity => ({
  ...someIdentity,
  notAfter,
  fingerprint: name,
  serial: name === 'new' ? '255' : '1',
});
const signal = new AbortController().signal;

/** An old and a new identity, and a service that grants or refuses each of them. */
function trial() {
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const held = new IdentityRollover({ clock, log });
  const calls: string[] = [];
  const refuses: Record<string, ExchangeFailure | undefined> = {};
  const service: CreateSession = ({ fingerprint }) => {
    calls.push(fingerprint);
    const refusal = refuses[fingerprint];
    return refusal ? Promise.reject(refusal) : Promise.resolve(grantedSession(clock.now()));
  };
  const offer = (name: string): void => {
    held.offer({ identity: identity(name), warnings: [] });
  };
  offer('old');
  /** One exchange by a role's keeper, with the identity in use. */
  const exchange = async (createSession = service, until = signal): Promise<string> => {
    const used = held.current();
    if (!used) throw new Error('there is always one');
    return held
      .within(createSession, 'device')(used, until)
      .then(
        () => 'granted',
        (error: unknown) => (error instanceof ExchangeFailure ? error.code : String(error)),
      );
  };
  const warnings = (): unknown[] => lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['code']);
  return { held, clock, calls, refuses, offer, exchange, warnings, lines };
}

const REFUSED = failure('slow', 'RA_UNTRUSTED_SIGNING_CERTIFICATE');
const UNREACHABLE = failure('soon', 'RA_CONNECTION_REFUSED');

describe('the trial of a new identity', () => {
  test('granted: one call, and all roles use it', async () => {
    const { held, calls, offer, exchange, lines } = trial();
    await exchange();
    offer('new');
    expect(await exchange()).toBe('granted');
    expect(held.current()?.fingerprint).toBe('new');
    await exchange();
    expect(calls).toEqual(['old', 'new', 'new']);
    const { assumedRoleArn } = grantedSession(0);
    expect(lines.at(-1)).toMatchObject({ level: 'info', fields: { serial: 'ff', assumedRoleArn } });
  });

  test('refused: the same exchange falls back to the old one, and the reason is logged once', async () => {
    const { held, calls, refuses, offer, exchange, clock, warnings, lines } = trial();
    refuses['new'] = REFUSED;
    offer('new');
    expect(await exchange()).toBe('granted');
    expect(calls).toEqual(['new', 'old']);
    expect(held.current()?.fingerprint).toBe('old');
    expect(lines.at(-1)).toMatchObject({
      level: 'warn',
      fields: { role: 'device', newSerial: 'ff', remedy: 'fix it' },
    });
    await exchange();
    expect(calls).toEqual(['new', 'old', 'old']);
    await clock.advance(15 * MINUTE);
    await exchange();
    expect(calls).toEqual(['new', 'old', 'old', 'new', 'old']);
    expect(warnings()).toEqual([REFUSED.code]);
    expect(lines.at(-1)).toMatchObject({ level: 'debug', fields: { code: REFUSED.code } });
  });

  test('refused for another reason, or another new one refused: logged again', async () => {
    const { refuses, offer, exchange, clock, warnings } = trial();
    refuses['new'] = REFUSED;
    offer('new');
    await exchange();
    refuses['new'] = failure('slow', 'RA_CERTIFICATE_REVOKED');
    await clock.advance(15 * MINUTE);
    await exchange();
    refuses['newer'] = failure('slow', 'RA_CERTIFICATE_REVOKED');
    offer('newer');
    await exchange();
    expect(warnings()).toEqual([REFUSED.code, 'RA_CERTIFICATE_REVOKED', 'RA_CERTIFICATE_REVOKED']);
  });

  test('refused: its rest does not grow with every exchange in between', async () => {
    const { calls, refuses, offer, exchange, clock } = trial();
    refuses['new'] = REFUSED;
    offer('new');
    await exchange();
    await clock.advance(10 * MINUTE);
    await exchange();
    await clock.advance(5 * MINUTE);
    await exchange();
    expect(calls).toEqual(['new', 'old', 'old', 'new', 'old']);
  });

  test('refused while a newer one arrives: nothing is said about the one that is gone', async () => {
    const { held, refuses, offer, exchange, warnings } = trial();
    refuses['new'] = REFUSED;
    offer('new');
    const meanwhile: CreateSession = ({ fingerprint }) => {
      if (fingerprint === 'old') offer('newer');
      return refuses[fingerprint] ? Promise.reject(REFUSED) : Promise.resolve(grantedSession(0));
    };
    expect(await exchange(meanwhile)).toBe('granted');
    expect([held.candidate?.fingerprint, held.refusal, warnings()]).toEqual(['newer', undefined, []]);
  });

  test('interrupted by the end of the daemon: no call with the old one', async () => {
    const { calls, refuses, offer, exchange, held } = trial();
    refuses['new'] = REFUSED;
    offer('new');
    expect(await exchange(undefined, AbortSignal.abort())).toBe(REFUSED.code);
    expect([calls, held.refusal]).toEqual([['new'], undefined]);
  });

  test('ended by a fault of this program: it says nothing about the new one', async () => {
    const { offer, exchange, held } = trial();
    offer('new');
    expect(await exchange(() => Promise.reject(new TypeError('a fault')))).toBe('TypeError: a fault');
    expect([held.candidate?.fingerprint, held.refusal]).toEqual(['new', undefined]);
  });

  test('refused first, then granted: it is used', async () => {
    const { held, refuses, offer, exchange, clock } = trial();
    refuses['new'] = REFUSED;
    offer('new');
    await exchange();
    refuses['new'] = undefined;
    await clock.advance(15 * MINUTE);
    await exchange();
    expect(held.current()?.fingerprint).toBe('new');
  });

  test('both refused: the new one is not at fault, and is tried first each time', async () => {
    const { calls, refuses, offer, exchange, warnings } = trial();
    refuses['new'] = REFUSED;
    refuses['old'] = failure('slow', 'RA_CERTIFICATE_REVOKED');
    offer('new');
    expect(await exchange()).toBe('RA_CERTIFICATE_REVOKED');
    await exchange();
    expect(calls).toEqual(['new', 'old', 'new', 'old']);
    expect(warnings()).toEqual([]);
  });

  test('a network failure is no refusal: one call each time, again with the new one', async () => {
    const { held, calls, refuses, offer, exchange, warnings } = trial();
    refuses['new'] = UNREACHABLE;
    refuses['old'] = UNREACHABLE;
    offer('new');
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await exchange()).toBe(UNREACHABLE.code);
    expect(calls).toEqual(['new', 'new', 'new', 'old', 'new']);
    refuses['new'] = undefined;
    refuses['old'] = undefined;
    await exchange();
    expect(held.current()?.fingerprint).toBe('new');
    expect(warnings()).toEqual([]);
  });

  test('failures of only the new one do not keep the old one from its turn', async () => {
    const { held, calls, refuses, offer, exchange, warnings } = trial();
    refuses['new'] = UNREACHABLE;
    offer('new');
    const outcomes = [await exchange(), await exchange(), await exchange(), await exchange()];
    expect(outcomes).toEqual([UNREACHABLE.code, UNREACHABLE.code, UNREACHABLE.code, 'granted']);
    expect(calls).toEqual(['new', 'new', 'new', 'old']);
    expect(held.current()?.fingerprint).toBe('old');
    expect(warnings()).toEqual([UNREACHABLE.code]);
  });

  test('throttling says nothing about an identity', async () => {
    const { calls, refuses, offer, exchange } = trial();
    refuses['new'] = failure('throttled', 'RA_THROTTLED');
    offer('new');
    for (let attempt = 0; attempt < 10; attempt += 1) await exchange();
    expect(new Set(calls)).toEqual(new Set(['new']));
  });

  test('while one role tries it, the others use the old one', async () => {
    const { held, calls, offer, exchange } = trial();
    offer('new');
    let grant: () => void = () => undefined;
    const trying = exchange(async ({ fingerprint }) => {
      calls.push(fingerprint);
      await new Promise<void>((resolve) => (grant = resolve));
      return grantedSession(0);
    });
    await exchange();
    expect(calls).toEqual(['new', 'old']);
    grant();
    await trying;
    expect(held.current()?.fingerprint).toBe('new');
  });

  test('a newer one is tried at once, whatever happened to the last one', async () => {
    const { calls, refuses, offer, exchange } = trial();
    refuses['new'] = REFUSED;
    offer('new');
    await exchange();
    offer('newer');
    await exchange();
    expect(calls).toEqual(['new', 'old', 'newer']);
  });
});
