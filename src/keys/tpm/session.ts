// How a command is authorized (TPM 2.0 Library, part 1, "Authorizations and Acknowledgments"). A
// password is never sent to the TPM: both sides know it and prove that with an HMAC. Its key is
// also derived from a random number that is encrypted to a key of the TPM.
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  publicEncrypt,
  timingSafeEqual,
} from 'node:crypto';
import { algorithms, handles, type HashAlgorithm } from './constants.ts';
import { type EccPublicArea, leftPadded, type PublicArea, publicKeyOf } from './public-area.ts';
import { sized, u8, u16, u32 } from './wire.ts';

/** The authorization of one command and the verification of its answer. */
export interface Authorization {
  readonly handle: number;
  /** The sent form of the command's first parameter, which a session can encrypt. */
  prepared(parameters: Buffer): Buffer;
  /** The entry of the authorization area. @param signed - command code, names of the handles, parameters as they are sent. */
  entry(signed: readonly Buffer[]): Buffer;
  /**
   * @returns the parameters of the answer, decrypted.
   * @throws Error if the answer is not the TPM's.
   */
  acknowledged(parameters: Buffer, code: Buffer, entry: AnswerEntry): Buffer;
}

/** The session part of the answer. */
export interface AnswerEntry {
  readonly nonce: Buffer;
  readonly attributes: number;
  readonly hmac: Buffer;
}

/** For objects without a password: an empty one, which is no secret. */
export const emptyPassword: Authorization = {
  handle: handles.password,
  prepared: (parameters) => parameters,
  entry: () => Buffer.concat([u32(handles.password), sized(), u8(0), sized()]),
  acknowledged: (parameters) => parameters,
};

/**
 * Which parts of a command and its answer a session encrypts: the first parameter, if it is a byte
 * string.
 */
export interface Encryption {
  readonly command?: boolean;
  readonly answer?: boolean;
}

/** Random bytes. Tests that replay a recorded exchange replace them. */
export type Random = (bytes: number) => Buffer;

export interface SaltedSession {
  readonly handle: number;
  readonly hash: HashAlgorithm;
  readonly random: Random;
  /** The secret that both sides derived from the salt. */
  readonly key: Buffer;
  readonly tpmNonce: Buffer;
}

const ENCRYPTS_COMMAND = 0x20;
const ENCRYPTS_ANSWER = 0x40;

/**
 * Authorizes one command by a session, which ends with it.
 *
 * @param secret - the password of the used object; empty if a policy requires none.
 */
export function sessionAuthorization(
  { handle, hash, random, key, tpmNonce }: SaltedSession,
  secret: Buffer,
  encryption: Encryption = {},
): Authorization {
  const hmacKey = Buffer.concat([key, withoutTrailingZeros(secret)]);
  const nonce = random(hash.bytes);
  const attributes = (encryption.command ? ENCRYPTS_COMMAND : 0) | (encryption.answer ? ENCRYPTS_ANSWER : 0);
  const hmac = (parts: readonly Buffer[], ...nonces: readonly Buffer[]): Buffer => {
    const digest = createHash(hash.name).update(Buffer.concat(parts)).digest();
    return createHmac(hash.name, hmacKey)
      .update(Buffer.concat([digest, ...nonces]))
      .digest();
  };
  return {
    handle,
    prepared(parameters) {
      if (!encryption.command) return parameters;
      return withFirst(parameters, (plain) => createCipheriv(...aesCfb(hash, hmacKey, nonce, tpmNonce)).update(plain));
    },
    entry(signed) {
      const proof = hmac(signed, nonce, tpmNonce, u8(attributes));
      return Buffer.concat([u32(handle), sized(nonce), u8(attributes), sized(proof)]);
    },
    acknowledged(parameters, code, answer) {
      const expected = hmac([u32(0), code, parameters], answer.nonce, nonce, u8(answer.attributes));
      if (answer.hmac.length !== expected.length || !timingSafeEqual(answer.hmac, expected))
        throw new RangeError('the HMAC of the answer is wrong');
      if (!encryption.answer) return parameters;
      const cipher = aesCfb(hash, hmacKey, answer.nonce, nonce);
      return withFirst(parameters, (encrypted) => createDecipheriv(...cipher).update(encrypted));
    },
  };
}

/** The TPM removes them too (part 1, "Authorization Size Convention"). */
function withoutTrailingZeros(secret: Buffer): Buffer {
  return secret.subarray(0, secret.findLastIndex((byte) => byte !== 0) + 1);
}

function withFirst(parameters: Buffer, change: (bytes: Buffer) => Buffer): Buffer {
  const end = 2 + parameters.readUInt16BE();
  return Buffer.concat([parameters.subarray(0, 2), change(parameters.subarray(2, end)), parameters.subarray(end)]);
}

function aesCfb(hash: HashAlgorithm, key: Buffer, newer: Buffer, older: Buffer): ['aes-128-cfb', Buffer, Buffer] {
  const material = derivedKey(hash, key, 'CFB', newer, older, 32);
  return ['aes-128-cfb', material.subarray(0, 16), material.subarray(16)];
}

/** KDFa: SP 800-108 in counter mode with HMAC. */
function derivedKey(hash: HashAlgorithm, key: Buffer, label: string, u: Buffer, v: Buffer, bytes: number): Buffer {
  const fixed = Buffer.concat([Buffer.from(`${label}\0`), u, v, u32(bytes * 8)]);
  const blocks = Array.from({ length: Math.ceil(bytes / hash.bytes) }, (_, index) =>
    createHmac(hash.name, key)
      .update(Buffer.concat([u32(index + 1), fixed]))
      .digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
}

/** The parameters of TPM2_StartAuthSession, and the session from its answer. */
export interface SessionStart {
  readonly parameters: Buffer;
  started(handle: number, tpmNonce: Buffer): SaltedSession;
}

const HMAC_SESSION = 0x00;
const POLICY_SESSION = 0x01;

/** @param saltKey - a key of the TPM that can decrypt. */
export function sessionStart(
  type: 'hmac' | 'policy',
  hash: HashAlgorithm,
  saltKey: PublicArea,
  random: Random,
): SessionStart {
  const nonce = random(hash.bytes);
  const { salt, encrypted } = newSalt(saltKey, random);
  const symmetric = Buffer.concat([u16(algorithms.aes), u16(128), u16(algorithms.cfb)]);
  const kind = u8(type === 'policy' ? POLICY_SESSION : HMAC_SESSION);
  return {
    parameters: Buffer.concat([sized(nonce), sized(encrypted), kind, symmetric, u16(hash.id)]),
    started: (handle, tpmNonce) => ({
      handle,
      hash,
      random,
      tpmNonce,
      key: derivedKey(hash, salt, 'ATH', tpmNonce, nonce, hash.bytes),
    }),
  };
}

interface Salt {
  readonly salt: Buffer;
  readonly encrypted: Buffer;
}

const SALT_LABEL = Buffer.from('SECRET\0');

/** Part 1, appendix B.10.2 and C.6.1. */
function newSalt(key: PublicArea, random: Random): Salt {
  if (key.type === 'ecc') return eccSalt(key, random);
  const salt = random(key.nameHash.bytes);
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: key.nameHash.name, oaepLabel: SALT_LABEL };
  return { salt, encrypted: publicEncrypt({ key: publicKeyOf(key), ...padding }, salt) };
}

const UNCOMPRESSED = 0x04;
const ECDH_CURVES = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' } as const;

function eccSalt({ nameHash, curve, x, y }: EccPublicArea, random: Random): Salt {
  const coordinate = (number: Buffer): Buffer => leftPadded(number, curve.bytes);
  const own = createECDH(ECDH_CURVES[curve.name]);
  // One byte less than the curve, so it is below the order.
  own.setPrivateKey(leftPadded(random(curve.bytes - 1), curve.bytes));
  const point = own.getPublicKey().subarray(1);
  const [ownX, ownY] = [point.subarray(0, curve.bytes), point.subarray(curve.bytes)];
  const shared = own.computeSecret(Buffer.concat([u8(UNCOMPRESSED), coordinate(x), coordinate(y)]));
  // KDFe: one round yields as many bytes as the hash.
  const salt = createHash(nameHash.name)
    .update(Buffer.concat([u32(1), shared, SALT_LABEL, ownX, coordinate(x)]))
    .digest();
  return { salt, encrypted: Buffer.concat([sized(ownX), sized(ownY)]) };
}
