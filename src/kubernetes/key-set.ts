import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { messageOf } from '../foundation/errors.ts';
import { kubernetesError } from './kubernetes-errors.ts';

/** The algorithms of service account keys. Never HS256: anyone can sign with a public key as its secret. */
export const ALGORITHMS = ['RS256', 'ES256', 'ES384', 'ES512'] as const;

type Algorithm = (typeof ALGORITHMS)[number];

/** A public key of the cluster: only the members of RFC 7517 that belong to it, for one algorithm. */
export interface ClusterKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly kty: 'RSA' | 'EC';
  readonly [member: string]: string;
}

export type KeySet = ReadonlyMap<string, ClusterKey>;

const CURVES: Readonly<Record<string, Algorithm>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };
const MEMBERS = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'] } as const;
/** A cluster has one key, or a few during a rotation. */
const MOST_KEYS = 100;
const FEWEST_RSA_BITS = 2_048;

/**
 * The keys of a JSON Web Key Set that can sign tokens. Skips other keys, but not all: an empty set
 * must never replace known keys.
 *
 * @throws CodedError CLUSTER_KEYS_INVALID
 */
export function readKeySet(text: string): KeySet {
  const keys = keysIn(text).slice(0, MOST_KEYS).flatMap(usable);
  // Two keys of one id: no token says which one is meant.
  const set = new Map(
    keys.filter(({ kid }) => keys.filter((key) => key.kid === kid).length === 1).map((key) => [key.kid, key]),
  );
  if (set.size === 0) throw kubernetesError('CLUSTER_KEYS_INVALID', 'the key set contains no usable key');
  return set;
}

function keysIn(text: string): readonly unknown[] {
  try {
    const document = JSON.parse(text) as { readonly keys?: unknown } | null;
    if (Array.isArray(document?.keys)) return document.keys;
  } catch (error) {
    throw kubernetesError('CLUSTER_KEYS_INVALID', `the key set is not JSON: ${messageOf(error)}`, error);
  }
  throw kubernetesError('CLUSTER_KEYS_INVALID', 'the key set has no list of keys');
}

function usable(written: unknown): ClusterKey[] {
  if (typeof written !== 'object' || written === null) return [];
  const { kid, kty, use = 'sig', alg, ...rest } = written as Readonly<Record<string, unknown>>;
  if (typeof kid !== 'string' || kid === '' || use !== 'sig' || (kty !== 'RSA' && kty !== 'EC')) return [];
  const members = Object.fromEntries(MEMBERS[kty].map((name) => [name, rest[name]]));
  if (!isTexts(members)) return [];
  const own = kty === 'RSA' ? 'RS256' : CURVES[members['crv'] ?? ''];
  if (own === undefined || (alg ?? own) !== own || !isStrong({ kty, ...members })) return [];
  return [{ ...members, kid, kty, alg: own }];
}

function isTexts(members: Readonly<Record<string, unknown>>): members is Readonly<Record<string, string>> {
  return Object.values(members).every((value) => typeof value === 'string');
}

function isStrong(key: JsonWebKey): boolean {
  try {
    const { asymmetricKeyDetails: details } = createPublicKey({ key, format: 'jwk' });
    return (details?.modulusLength ?? FEWEST_RSA_BITS) >= FEWEST_RSA_BITS;
  } catch {
    return false;
  }
}
