// TPMT_PUBLIC: a TPM's description of a key, or the template for a new one. Its SHA-256 is the
// key's name, to which authorizations are bound.
import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { algorithms, attributes, type Curve, curveOf, type HashAlgorithm, hashAlgorithm } from './constants.ts';
import { nothing, sized, u16, u32, WireReader } from './wire.ts';

/** The scheme for signing or decrypting. A key without one leaves it to the command. */
export interface KeyScheme {
  readonly algorithm: number;
  /** Absent: the scheme has none (RSAES). */
  readonly hash?: HashAlgorithm;
}

interface Described {
  readonly nameHash: HashAlgorithm;
  readonly attributes: number;
  readonly policy: Buffer;
  readonly scheme: KeyScheme | undefined;
  /** As the TPM has it. */
  readonly encoded: Buffer;
}

export interface EccPublicArea extends Described {
  readonly type: 'ecc';
  readonly curve: Curve;
  readonly x: Buffer;
  readonly y: Buffer;
}

export interface RsaPublicArea extends Described {
  readonly type: 'rsa';
  readonly modulus: Buffer;
  readonly exponent: number;
}

export type PublicArea = EccPublicArea | RsaPublicArea;

/** @throws RangeError if it is truncated, or not an RSA or EC key. */
export function readPublicArea(encoded: Buffer): PublicArea {
  const wire = new WireReader(encoded);
  const type = wire.u16();
  const described = { nameHash: hashAlgorithm(wire.u16()), attributes: wire.u32(), policy: wire.sized(), encoded };
  if (type !== algorithms.ecc && type !== algorithms.rsa) throw new RangeError('it is neither an RSA nor an EC key');
  skipSymmetric(wire);
  const scheme = readScheme(wire);
  if (type === algorithms.rsa) {
    wire.u16();
    const exponent = wire.u32() || 65_537;
    return { ...described, type: 'rsa', scheme, exponent, modulus: wire.sized() };
  }
  const curve = curveOf(wire.u16());
  readScheme(wire);
  return { ...described, type: 'ecc', scheme, curve, x: wire.sized(), y: wire.sized() };
}

/** TPMT_SYM_DEF_OBJECT: how a storage key encrypts its children. */
function skipSymmetric(wire: WireReader): void {
  if (wire.u16() !== algorithms.none) wire.bytes(4);
}

const RSAES = 0x0015;
const ECDAA = 0x001a;

function readScheme(wire: WireReader): KeyScheme | undefined {
  const algorithm = wire.u16();
  if (algorithm === algorithms.none) return undefined;
  if (algorithm === RSAES) return { algorithm };
  const hash = hashAlgorithm(wire.u16());
  if (algorithm === ECDAA) wire.u16();
  return { algorithm, hash };
}

/**
 * The name of an object in authorizations: computed from its public area instead of trusting the
 * TPM.
 *
 * @throws RangeError
 */
export function nameOf(encoded: Buffer): Buffer {
  const wire = new WireReader(encoded);
  wire.u16();
  const { id, name } = hashAlgorithm(wire.u16());
  return Buffer.concat([u16(id), createHash(name).update(encoded).digest()]);
}

export function publicKeyOf(area: PublicArea): KeyObject {
  return createPublicKey({ key: jsonWebKey(area), format: 'jwk' });
}

function jsonWebKey(area: PublicArea): JsonWebKey {
  if (area.type === 'rsa')
    return { kty: 'RSA', n: area.modulus.toString('base64url'), e: u32(area.exponent).toString('base64url') };
  const { name, bytes } = area.curve;
  return { kty: 'EC', crv: name, x: padded(area.x, bytes), y: padded(area.y, bytes) };
}

function padded(coordinate: Buffer, bytes: number): string {
  return leftPadded(coordinate, bytes).toString('base64url');
}

/**
 * A number with the full length of its curve, as other programs require. A TPM may omit leading
 * zeros.
 */
export function leftPadded(number: Buffer, bytes: number): Buffer {
  return Buffer.concat([Buffer.alloc(Math.max(0, bytes - number.length)), number]);
}

const { fixedTpm, fixedParent, sensitiveDataOrigin, userWithAuth, noDa, restricted, decrypt, sign } = attributes;

function template(type: number, objectAttributes: number, ...parameters: readonly Buffer[]): Buffer {
  const head = [u16(type), u16(algorithms.sha256), u32(objectAttributes), sized()];
  return Buffer.concat([...head, ...parameters]);
}

const noScheme = u16(algorithms.none);
const AES_128_CFB = Buffer.concat([u16(algorithms.aes), u16(128), u16(algorithms.cfb)]);
const P256 = 0x0003;
const eccParameters = (symmetric: Buffer): Buffer =>
  Buffer.concat([symmetric, noScheme, u16(P256), noScheme, sized(), sized()]);
const rsaParameters = (symmetric: Buffer): Buffer => Buffer.concat([symmetric, noScheme, u16(2048), u32(0), sized()]);

const STORAGE = fixedTpm | fixedParent | sensitiveDataOrigin | userWithAuth | noDa | restricted | decrypt;

/**
 * The storage root key that all tools create (TCG TPM v2.0 Provisioning Guidance 7.5.1): the same
 * template in the same hierarchy yields the same key.
 */
export const storageRootKeys: Readonly<Record<'ecc' | 'rsa', Buffer>> = {
  ecc: template(algorithms.ecc, STORAGE, eccParameters(AES_128_CFB)),
  rsa: template(algorithms.rsa, STORAGE, rsaParameters(AES_128_CFB)),
};

export type NewKeyType = 'ec-p256' | 'rsa-2048';

/**
 * A key that only signs, and never leaves its TPM.
 *
 * @param isGuarded - by a password: then wrong ones count towards the TPM's lockout. Without one
 * there is nothing to guess, and the lockout of other keys must not block this one.
 */
export function signingKeyTemplate(type: NewKeyType, isGuarded: boolean): Buffer {
  const ownWay = fixedTpm | fixedParent | sensitiveDataOrigin | userWithAuth | sign | (isGuarded ? 0 : noDa);
  return type === 'ec-p256'
    ? template(algorithms.ecc, ownWay, eccParameters(noScheme))
    : template(algorithms.rsa, ownWay, rsaParameters(noScheme));
}

/** Data that a TPM encrypts so that only it can decrypt them. */
export const sealedDataTemplate: Buffer = template(
  algorithms.keyedHash,
  fixedTpm | fixedParent | userWithAuth | noDa,
  noScheme,
  sized(nothing),
);
