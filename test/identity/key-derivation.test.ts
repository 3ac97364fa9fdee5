import { describe, expect, it } from 'vitest';
import { checkDerivationCost, derivationRounds } from '../../src/identity/key-derivation.ts';
import { der, sequence } from './der-writer.ts';

const SALT = der('04', '5a'.repeat(8));
const ROUNDS_2048 = '02020800';
const hexOf = (...parts: readonly string[]): string => sequence(...parts).toString('hex');
const PARAMETERS = hexOf(SALT, ROUNDS_2048);

/** A SEQUENCE in a SEQUENCE, and so on. */
function nested(depth: number): Buffer {
  let inner: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) inner = sequence(inner);
  return inner;
}

describe('the rounds of key derivation', () => {
  it.each([
    ['of a salt and a count', PARAMETERS, 2048],
    ['of PBKDF2 with a length of the key and a function', hexOf(SALT, ROUNDS_2048, '020120', '3000'), 2048],
    ['of scrypt', hexOf(SALT, '02024000', '020108', '020102'), 16_384 * 8 * 2],
    ['of scrypt with a length of the key', hexOf(SALT, '02024000', '020108', '020102', '020120'), 16_384 * 8 * 2],
    ['after another element', hexOf('020103', SALT, ROUNDS_2048), 2048],
    ['before what is not DER', hexOf(SALT, ROUNDS_2048, '3005'), 2048],
    ['of several', hexOf(PARAMETERS, hexOf(PARAMETERS), SALT, '020101'), 4097],
    ['in a context tag', hexOf(der('a0', PARAMETERS)), 2048],
    ['in an OCTET STRING', hexOf(der('04', PARAMETERS)), 2048],
    [
      'in an OCTET STRING in pieces',
      hexOf(der('24', der('04', PARAMETERS.slice(0, 10)) + der('04', PARAMETERS.slice(10)))),
      2048,
    ],
    ['of a salt without a count', hexOf(SALT), 0],
    ['of a salt with an empty count', hexOf(SALT, '0200'), 0],
    ['of a count that does not follow its salt', hexOf(SALT, '0500', ROUNDS_2048), 0],
    ['of numbers without a salt', hexOf('020103', ROUNDS_2048), 0],
    ['in a number', hexOf(der('02', PARAMETERS)), 0],
    ['in a primitive context tag', hexOf(der('80', PARAMETERS)), 0],
    ['of what is not DER', '3005', 0],
  ])('%s are counted', (_, encoded, rounds) => {
    expect(derivationRounds(Buffer.from(encoded, 'hex'))).toBe(rounds);
  });

  it('are endless below 32 levels', () => {
    expect(derivationRounds(nested(32))).toBe(0);
    expect(derivationRounds(nested(33))).toBe(Infinity);
  });

  it('are accepted up to the limit', () => {
    const key = Buffer.from(PARAMETERS, 'hex');
    expect(() => {
      checkDerivationCost(key, 2048, 'key.pem');
    }).not.toThrow();
    expect(() => {
      checkDerivationCost(key, 2047, 'key.pem');
    }).toThrow(
      expect.objectContaining({
        code: 'KEY_DERIVATION_TOO_COSTLY',
        message: 'key.pem is encrypted with 2048 rounds of key derivation; at most 2047 are accepted',
      }) as Error,
    );
  });
});
