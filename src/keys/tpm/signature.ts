// One signature by a loaded key: RSA PKCS#1 v1.5 or ECDSA, over a SHA-256 digest. IAM Roles
// Anywhere accepts nothing else.
import { der, ecdsaSignature, oidContent, tags } from '../../foundation/der.ts';
import { algorithms, attributes, handles, type HashAlgorithm, hashAlgorithm } from './constants.ts';
import type { EccPublicArea, PublicArea, RsaPublicArea } from './public-area.ts';
import type { Authorization } from './session.ts';
import { run, type Tpm, type TpmKey } from './tpm.ts';
import { sized, u16, u32, type WireReader } from './wire.ts';

const SHA256 = hashAlgorithm(algorithms.sha256);

/** Why a key cannot make such signatures, in words. Undefined: it can. */
export function unfitness(area: PublicArea): string | undefined {
  const { scheme } = area;
  const has = (flag: number): boolean => (area.attributes & flag) !== 0;
  if (has(attributes.restricted)) return 'it is restricted: it signs or decrypts only what the TPM itself made';
  if (!has(attributes.sign)) {
    if (area.type === 'ecc' || !has(attributes.decrypt)) return 'it may not sign';
    return scheme ? 'it may only decrypt, and with a padding of its own' : undefined;
  }
  if (!scheme) return undefined;
  const wanted = area.type === 'ecc' ? algorithms.ecdsa : algorithms.rsassa;
  if (scheme.algorithm !== wanted)
    return `it signs with the scheme 0x${scheme.algorithm.toString(16)} only, and not with ${area.type === 'ecc' ? 'ECDSA' : 'RSASSA PKCS#1 v1.5'}`;
  const { name, bytes } = scheme.hash ?? SHA256;
  if (area.type === 'ecc' ? bytes < SHA256.bytes : name !== 'sha256') return `it signs ${name} digests only`;
  return undefined;
}

/** @returns the X.509 form. @throws errors of {@link run}. */
export async function signatureOf(
  tpm: Tpm,
  key: TpmKey,
  digest: Buffer,
  authorization: Authorization,
): Promise<Buffer> {
  const { area } = key;
  if (area.type === 'ecc') return ecdsa(tpm, key, paddedDigest(digest, area), authorization);
  const may = (area.attributes & attributes.sign) !== 0;
  return may ? rsassa(tpm, key, digest, authorization) : rawRsa(tpm, key, paddedForRsa(digest, area), authorization);
}

/**
 * A key with a longer hash accepts only digests of that length, and ECDSA uses as many leading bits
 * of a digest as the curve has. Padding with zeros elsewhere keeps the number the same.
 */
function paddedDigest(digest: Buffer, { scheme, curve }: EccPublicArea): Buffer {
  const { bytes } = scheme?.hash ?? SHA256;
  const before = Math.max(0, Math.min(bytes, curve.bytes) - digest.length);
  return Buffer.concat([Buffer.alloc(before), digest, Buffer.alloc(Math.max(0, bytes - before - digest.length))]);
}

async function ecdsa(tpm: Tpm, key: TpmKey, digest: Buffer, authorization: Authorization): Promise<Buffer> {
  const { scheme = { algorithm: algorithms.ecdsa, hash: SHA256 } } = key.area;
  const signature = await signWith(
    tpm,
    key,
    { digest, algorithm: algorithms.ecdsa, hash: scheme.hash ?? SHA256 },
    authorization,
  );
  return ecdsaSignature(signature.sized(), signature.sized());
}

async function rsassa(tpm: Tpm, key: TpmKey, digest: Buffer, authorization: Authorization): Promise<Buffer> {
  const signature = await signWith(tpm, key, { digest, algorithm: algorithms.rsassa, hash: SHA256 }, authorization);
  return signature.sized();
}

interface SigningInput {
  readonly digest: Buffer;
  readonly algorithm: number;
  readonly hash: HashAlgorithm;
}

const HASH_CHECK_TICKET = 0x8024;

async function signWith(
  tpm: Tpm,
  key: TpmKey,
  { digest, algorithm, hash }: SigningInput,
  authorization: Authorization,
): Promise<WireReader> {
  // Only a restricted key requires a proof that the TPM computed the digest.
  const noTicket = Buffer.concat([u16(HASH_CHECK_TICKET), u32(handles.none), sized()]);
  const scheme = Buffer.concat([u16(algorithm), u16(hash.id)]);
  const { parameters } = await run(tpm, {
    name: 'Sign',
    entities: [key],
    authorization,
    parameters: [sized(digest), scheme, noTicket],
  });
  parameters.bytes(4);
  return parameters;
}

const SHA256_OID = '2.16.840.1.101.3.4.2.1';
const NULL = 0x05;

/**
 * EMSA-PKCS1-v1_5 (RFC 8017, 9.2): a signature before applying the private key, which is all that
 * decrypting does.
 */
function paddedForRsa(digest: Buffer, { modulus }: RsaPublicArea): Buffer {
  const algorithm = der(tags.sequence, der(tags.oid, oidContent(SHA256_OID)), der(NULL));
  const info = der(tags.sequence, algorithm, der(tags.octetString, digest));
  const padding = Buffer.alloc(modulus.length - info.length - 3, 0xff);
  return Buffer.concat([Buffer.of(0, 1), padding, Buffer.of(0), info]);
}

async function rawRsa(tpm: Tpm, key: TpmKey, padded: Buffer, authorization: Authorization): Promise<Buffer> {
  const { parameters } = await run(tpm, {
    name: 'RSA_Decrypt',
    entities: [key],
    authorization,
    parameters: [sized(padded), u16(algorithms.none), sized()],
  });
  const signature = parameters.sized();
  // A TPM may omit leading zeros.
  return Buffer.concat([Buffer.alloc(padded.length - signature.length), signature]);
}
