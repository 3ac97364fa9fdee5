// Numbers of the TPM 2.0 Library specification, part 2, with the names there.

export const commandCodes = {
  CreatePrimary: 0x131,
  Create: 0x153,
  Load: 0x157,
  RSA_Decrypt: 0x159,
  Sign: 0x15d,
  Unseal: 0x15e,
  FlushContext: 0x165,
  PolicyAuthValue: 0x16b,
  PolicyCommandCode: 0x16c,
  ReadPublic: 0x173,
  StartAuthSession: 0x176,
  PolicyPCR: 0x17f,
  PolicyPassword: 0x18c,
} as const;

export const handles = {
  owner: 0x4000_0001,
  /** The hierarchy that is new after each start and needs no authorization; also "no handle". */
  none: 0x4000_0007,
  password: 0x4000_0009,
  endorsement: 0x4000_000b,
  platform: 0x4000_000c,
} as const;

export const algorithms = {
  rsa: 0x0001,
  aes: 0x0006,
  keyedHash: 0x0008,
  none: 0x0010,
  rsassa: 0x0014,
  ecdsa: 0x0018,
  ecc: 0x0023,
  cfb: 0x0043,
  sha256: 0x000b,
} as const;

/** TPMA_OBJECT */
export const attributes = {
  fixedTpm: 0x2,
  fixedParent: 0x10,
  sensitiveDataOrigin: 0x20,
  userWithAuth: 0x40,
  noDa: 0x400,
  restricted: 0x1_0000,
  decrypt: 0x2_0000,
  sign: 0x4_0000,
} as const;

export interface HashAlgorithm {
  readonly id: number;
  /** Node's name. */
  readonly name: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  readonly bytes: number;
}

const HASHES: readonly HashAlgorithm[] = [
  { id: 0x0004, name: 'sha1', bytes: 20 },
  { id: 0x000b, name: 'sha256', bytes: 32 },
  { id: 0x000c, name: 'sha384', bytes: 48 },
  { id: 0x000d, name: 'sha512', bytes: 64 },
];

/** @throws RangeError */
export function hashAlgorithm(id: number): HashAlgorithm {
  const hash = HASHES.find((each) => each.id === id);
  if (!hash) throw new RangeError(`the hash 0x${id.toString(16)} is unknown`);
  return hash;
}

export interface Curve {
  readonly id: number;
  readonly bytes: number;
  /** The name in JSON Web Keys and Node. */
  readonly name: 'P-256' | 'P-384' | 'P-521';
}

const CURVES: readonly Curve[] = [
  { id: 0x0003, name: 'P-256', bytes: 32 },
  { id: 0x0004, name: 'P-384', bytes: 48 },
  { id: 0x0005, name: 'P-521', bytes: 66 },
];

/** @throws RangeError */
export function curveOf(id: number): Curve {
  const curve = CURVES.find((each) => each.id === id);
  if (!curve) throw new RangeError(`the curve 0x${id.toString(16)} is unknown`);
  return curve;
}
