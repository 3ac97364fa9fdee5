import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signingAlgorithm } from '../../src/identity/signing-algorithm.ts';
import { der, sequence } from './der-writer.ts';

/** With any odd modulus of this size: nothing signs with it. */
function rsa(bits: number): KeyObject {
  const modulus = (1n << BigInt(bits - 1)) + 1n;
  const digits = modulus.toString(16);
  const n = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex').toString('base64url');
  return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });
}

/** As a newer Node describes it. */
const ofType = (asymmetricKeyType: string | undefined): KeyObject =>
  ({ asymmetricKeyType, type: 'public' }) as unknown as KeyObject;

const failure = (code: string, message: string): Error => expect.objectContaining({ code, message }) as Error;

describe('the algorithm of a signature', () => {
  it.each([2048, 4096])('for RSA of %i bits', (bits) => {
    expect(signingAlgorithm(rsa(bits), 'key.pem')).toBe('AWS4-X509-RSA-SHA256');
  });

  it.each(['P-256', 'P-384', 'P-521'])('for %s, private or public', (namedCurve) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    for (const key of [privateKey, publicKey]) expect(signingAlgorithm(key, 'key.pem')).toBe('AWS4-X509-ECDSA-SHA256');
  });

  it.each(['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'])('for %s', (type) => {
    expect(signingAlgorithm(ofType(type), 'key.pem')).toBe('AWS4-X509-MLDSA');
  });
});

describe('no signature is made', () => {
  it.each([
    [2047, 'RSA_KEY_TOO_SMALL'],
    [4097, 'RSA_KEY_TOO_LARGE'],
  ])('with RSA of %i bits', (bits, code) => {
    const error = failure(code, `key.pem holds an RSA key of ${bits} bits`);
    expect(() => signingAlgorithm(rsa(bits), 'key.pem')).toThrow(error);
  });

  it.each([
    ['secp256k1', 'secp256k1'],
    ['secp224r1', 'P-224'],
    ['brainpoolP256r1', '1.3.36.3.3.2.8.1.1.7'],
  ])('on the curve %s', (namedCurve, named) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    const error = failure('KEY_CURVE_UNSUPPORTED', `key.pem holds a key on the curve ${named}`);
    expect(() => signingAlgorithm(publicKey, 'key.pem')).toThrow(error);
  });

  it('on a curve that is given by its parameters', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });
    const error = failure('KEY_CURVE_UNSUPPORTED', 'key.pem holds a key on the curve given by explicit parameters');
    expect(() => signingAlgorithm(publicKey, 'key.pem')).toThrow(error);
  });

  it('with ML-DSA on a Node that reads the key, but does not know its type', () => {
    const pkcs8 = sequence('020100', sequence(der('06', '608648016503040312')), der('04', '00'));
    const read = {
      type: 'private',
      export: ({ format, type }: Record<string, string>) =>
        format === 'der' && type === 'pkcs8' ? pkcs8 : Buffer.alloc(0),
    } as unknown as KeyObject;
    expect(() => signingAlgorithm(read, 'key.pem')).toThrow(
      expect.objectContaining({
        code: 'ML_DSA_NEEDS_NEWER_NODE',
        message: expect.stringContaining('an ML-DSA-65 key') as string,
      }) as Error,
    );
  });

  it.each([
    ['Ed25519', generateKeyPairSync('ed25519').privateKey, 'ed25519'],
    ['X25519', generateKeyPairSync('x25519').publicKey, 'x25519'],
    ['a type that Node does not know', ofType(undefined), 'unknown to this Node'],
  ])('with %s', (_, key, type) => {
    const error = failure('KEY_TYPE_UNSUPPORTED', `key.pem holds a key of type ${type}`);
    expect(() => signingAlgorithm(key, 'key.pem')).toThrow(error);
  });
});
