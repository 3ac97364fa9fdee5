import { describe, expect, it } from 'vitest';
import { accepts, digestOf, isDue, newToken, type TokenDigest } from '../../src/container/token-rotation.ts';
import { HOUR } from '../sessions/support.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const made = (since = NOW): TokenDigest => ({ digest: newToken().digest, since });
const [one, other] = [made(), made()];

describe('a new token', () => {
  it('is known by its digest', () => {
    const { token, digest } = newToken();
    expect(digestOf(token.reveal())).toEqual(digest);
  });

  it.each(['', 'A'.repeat(42), 'A'.repeat(44), ` ${'A'.repeat(43)}`, `${'A'.repeat(43)}\n`, `${'A'.repeat(42)}+`])(
    'is never %j',
    (text) => {
      expect(digestOf(text)).toBeUndefined();
    },
  );
});

describe('a token of a request', () => {
  it('is valid if it is in the file, or was within the last hour, even if the clock is set back', () => {
    const token = { current: one, previous: other };
    expect(accepts(token, one.digest, NOW + 400 * HOUR)).toBe(true);
    for (const direction of [1, -1]) {
      expect(accepts(token, other.digest, NOW + direction * (HOUR - 1))).toBe(true);
      expect(accepts(token, other.digest, NOW + direction * HOUR)).toBe(false);
    }
    expect(accepts(token, made().digest, NOW)).toBe(false);
  });

  it('is rejected if there is no token', () => {
    expect(accepts({}, one.digest, NOW)).toBe(false);
    expect(accepts({ previous: one }, one.digest, NOW)).toBe(true);
  });
});

describe('a new token is due', () => {
  it('after a day, even if the clock is set back', () => {
    for (const direction of [1, -1]) {
      expect(isDue({ current: one }, one, NOW + direction * (24 * HOUR - 1))).toBe(false);
      expect(isDue({ current: one }, one, NOW + direction * 24 * HOUR)).toBe(true);
    }
  });

  it('if the file has another token or none', () => {
    expect(isDue({ current: one }, other, NOW)).toBe(true);
    expect(isDue({ current: one }, undefined, NOW)).toBe(true);
    expect(isDue({}, one, NOW)).toBe(true);
    expect(isDue({ previous: one }, undefined, NOW)).toBe(true);
  });
});
