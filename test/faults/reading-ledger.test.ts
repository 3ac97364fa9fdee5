import { describe, expect, test } from 'vitest';
import { ReadingLedger } from '../support/reading-ledger.ts';
import type { SdkReading } from '../support/sdk-client.ts';

// The tests of this directory depend on this checker.

const NOW = Date.parse('2026-11-22T12:00:00Z');
const GOOD = {
  Code: 'Success',
  AccessKeyId: 'ASIAONE',
  SecretAccessKey: 'secret',
  Token: 'token',
  Expiration: '2026-11-22T12:00:10Z',
};

function reading(status: number, document: object | string, afterMs = 0): SdkReading {
  const body = typeof document === 'string' ? document : JSON.stringify(document);
  return { status, body, sentAt: NOW + afterMs, receivedAt: NOW + afterMs + 1, documentMs: 1 };
}

function judged(...readings: SdkReading[]): ReadingLedger {
  const ledger = new ReadingLedger();
  for (const each of readings) ledger.enter(0, each);
  return ledger;
}

describe('the check of readings', () => {
  test('accepts one session, then the next, and 503 after its end', () => {
    const next = { ...GOOD, AccessKeyId: 'ASIATWO', Expiration: '2026-11-22T12:00:20Z' };
    const ledger = judged(
      reading(503, ''),
      reading(200, GOOD),
      reading(200, GOOD, 9_999),
      reading(200, next, 9_999),
      reading(503, '', 20_000),
    );
    expect(ledger.wrong).toEqual([]);
    expect(ledger).toMatchObject({ reads: 5, served: 3, unavailable: 2, sessions: 2, lastStatus: 503 });
    expect(ledger.heldUntil).toBe(NOW + 20_000);
  });

  test.each<[string, SdkReading, string]>([
    ['an empty document', reading(200, ''), 'no complete document'],
    ['an empty field', reading(200, { ...GOOD, Token: '' }), 'no complete document'],
    ['another code', reading(200, { ...GOOD, Code: 'Failed' }), 'no complete document'],
    ['an expired session', reading(200, GOOD, 10_000), 'before it was asked for'],
    ['no time at all', reading(200, { ...GOOD, Expiration: 'soon' }), 'before it was asked for'],
    ['a mixed session', reading(200, { ...GOOD, SecretAccessKey: 'another' }, 1), 'another SecretAccessKey'],
    [
      'an older session',
      reading(200, { ...GOOD, AccessKeyId: 'B', Expiration: '2026-11-22T12:00:09Z' }, 1),
      'went back',
    ],
    ['503 while one is held', reading(503, '', 9_000), '503 while ASIAONE is valid'],
    ['401', reading(401, '', 1), 'status 401'],
    ['a broken connection', reading(0, 'ECONNRESET', 1), 'status 0'],
  ])('finds %s', (_, wrong, complaint) => {
    const ledger = judged(reading(200, GOOD), wrong);
    expect(ledger.wrong).toEqual([expect.stringContaining(complaint)]);
    expect(ledger.wrongCount).toBe(1);
  });
});
