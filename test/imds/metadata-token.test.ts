import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metadataTokens, requestedTtl } from '../../src/imds/metadata-token.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const key = randomBytes(32);
/** A fresh object each time, so that nothing is remembered from the issue. */
const tokens = (): ReturnType<typeof metadataTokens> => metadataTokens({ key, listener: 'endpoint' });
const ttl = fc.integer({ min: 1, max: 21_600 });

describe('metadata tokens', () => {
  it('expire exactly after the requested time', () => {
    fc.assert(
      fc.property(ttl, (seconds) => {
        const token = tokens().issue(seconds, NOW);
        const expiresAt = NOW + seconds * 1_000;
        expect(tokens().verify(token, NOW)).toEqual({ valid: true, expiresAt });
        expect(tokens().verify(token, expiresAt - 1)).toEqual({ valid: true, expiresAt });
        expect(tokens().verify(token, expiresAt)).toEqual({ valid: false });
      }),
    );
  });

  it('are rejected with any single bit changed', () => {
    const token = tokens().issue(300, NOW);
    for (let bit = 0; bit < 42 * 8; bit += 1) {
      const bytes = Buffer.from(token, 'base64url');
      bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(tokens().verify(bytes.toString('base64url'), NOW)).toEqual({ valid: false });
    }
  });

  it('are valid in one spelling only', () => {
    const token = Array.from({ length: 200 }, () => tokens().issue(300, NOW)).find((text) => /[-_]/.test(text)) ?? '';
    const bytes = Buffer.from(token, 'base64url');
    for (const other of [bytes.toString('base64'), `${token}=`, `${token}\n`, ` ${token}`, bytes.toString('hex')]) {
      expect(tokens().verify(other, NOW)).toEqual({ valid: false });
    }
  });

  it('are rejected if they are other text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[A-Za-z0-9_-]{56}$/)), (text) => {
        expect(tokens().verify(text, NOW)).toEqual({ valid: false });
      }),
    );
  });

  it('are valid whether they are remembered or displaced by newer ones', () => {
    const remembering = tokens();
    const issued = Array.from({ length: 5_000 }, (_, at) => remembering.issue(1 + at, NOW));
    for (const [at, token] of issued.entries())
      expect(remembering.verify(token, NOW)).toEqual({ valid: true, expiresAt: NOW + (1 + at) * 1_000 });
    expect(new Set(issued).size).toBe(issued.length);
  });

  it('expire even if they are cached', () => {
    const remembering = tokens();
    const token = remembering.issue(1, NOW);
    expect(remembering.verify(token, NOW + 999).valid).toBe(true);
    expect(remembering.verify(token, NOW + 1_000).valid).toBe(false);
  });

  it('of a clock that ran years ahead are rejected when it is corrected', () => {
    const ahead = tokens().issue(21_600, NOW + 10 * 365 * 86_400_000);
    expect(tokens().verify(ahead, NOW)).toEqual({ valid: false });
    const longest = 2 * 21_600;
    expect(tokens().verify(tokens().issue(longest, NOW), NOW).valid).toBe(true);
    expect(tokens().verify(tokens().issue(longest, NOW), NOW - 1).valid).toBe(false);
    // A small step back, as NTP makes it, costs no client its token.
    expect(tokens().verify(tokens().issue(21_600, NOW + 60_000), NOW).valid).toBe(true);
  });

  it('are all different', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => tokens().issue(60, NOW))).size).toBe(1_000);
  });

  it('of one listener are all different, and all valid', () => {
    const own = tokens();
    const issued = Array.from({ length: 2_000 }, () => own.issue(60, NOW));
    expect(new Set(issued).size).toBe(2_000);
    expect(issued.every((token) => tokens().verify(token, NOW).valid)).toBe(true);
    // Neither the expiry nor the MAC: the random part alone.
    expect(new Set(issued.map((token) => token.slice(8, 24))).size).toBe(2_000);
  });

  it('are rejected by another listener and with another key', () => {
    const token = tokens().issue(60, NOW);
    expect(metadataTokens({ key, listener: 'other' }).verify(token, NOW).valid).toBe(false);
    expect(metadataTokens({ key: randomBytes(32), listener: 'endpoint' }).verify(token, NOW).valid).toBe(false);
  });
});

describe('the requested time to live', () => {
  it('is an integer from 1 to 21600', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100, max: 50_000 }), (seconds) => {
        const expected = seconds >= 1 && seconds <= 21_600 ? seconds : undefined;
        expect(requestedTtl([String(seconds)])).toBe(expected);
      }),
    );
  });

  it.each<[readonly string[], number | undefined]>([
    [['21600'], 21_600],
    [['21601'], undefined],
    [[], undefined],
    [['60', '60'], undefined],
    [['60s'], undefined],
    [['060'], undefined],
    [['60 '], undefined],
    [['1e3'], undefined],
  ])('of %j is %j', (values, expected) => {
    expect(requestedTtl(values)).toBe(expected);
  });
});
