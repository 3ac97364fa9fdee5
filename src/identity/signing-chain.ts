import type { KeyObject } from 'node:crypto';
import { identityError } from './identity-errors.ts';
import type { Certificate } from './certificate.ts';

export interface SigningChain {
  /** From the leaf's issuer upwards, without the root. */
  readonly chain: readonly Certificate[];
  /** On no path from the leaf; left out. */
  readonly unrelated: readonly Certificate[];
}

/** "A maximum of 5 certificates" in X-Amz-X509-Chain (Roles Anywhere user guide, "sign process"). */
const MOST_INTERMEDIATES = 5;

/**
 * The certificate of this key, wherever it stands among the others. Where a renewal kept the key there may be several: then
 * one that is valid now, and of those the one that lasts longest.
 */
export function leafFor(
  publicKey: KeyObject,
  certificates: readonly Certificate[],
  now: number,
): Certificate | undefined {
  return best(
    certificates.filter((certificate) => isSameKey(publicKey, certificate.publicKey)),
    now,
  );
}

/**
 * The way from the leaf towards the root, in issuing order. Self-issued certificates are left out: the service has the trust anchor.
 *
 * @throws CHAIN_TOO_LONG
 */
export function chainFor(leaf: Certificate, certificates: readonly Certificate[], now: number): SigningChain {
  let candidates = certificates.filter(
    ({ selfIssued, fingerprint }) => !selfIssued && fingerprint !== leaf.fingerprint,
  );
  const chain: Certificate[] = [];
  for (let issuer = issuerAmong(candidates, leaf, now); issuer; issuer = issuerAmong(candidates, issuer, now)) {
    const { fingerprint } = issuer;
    chain.push(issuer);
    candidates = candidates.filter((candidate) => candidate.fingerprint !== fingerprint);
  }
  if (chain.length <= MOST_INTERMEDIATES) return { chain, unrelated: candidates };
  throw identityError(
    'CHAIN_TOO_LONG',
    `${chain.length} intermediates lead from ${leaf.subjectText} to the root; the service takes ${MOST_INTERMEDIATES}`,
  );
}

function issuerAmong(candidates: readonly Certificate[], of: Certificate, now: number): Certificate | undefined {
  return best(
    candidates.filter((candidate) => isIssuer(candidate, of)),
    now,
  );
}

/** An issuer whose key this Node cannot read (ML-DSA before Node 24) is taken by its name; the service checks it anyway. */
function isIssuer(candidate: Certificate, of: Certificate): boolean {
  return candidate.publicKey ? of.isIssuedBy(candidate) : of.issuerText === candidate.subjectText;
}

function isSameKey(left: KeyObject, right: KeyObject | undefined): boolean {
  try {
    return right?.equals(left) ?? false;
  } catch {
    return false; // Node 22 reads ML-DSA keys and cannot compare them.
  }
}

export function isValidAt({ notBefore, notAfter }: Certificate, now: number): boolean {
  return notBefore <= now && now < notAfter;
}

function best(certificates: readonly Certificate[], now: number): Certificate | undefined {
  return certificates
    .toSorted(
      (left, right) => Number(isValidAt(right, now)) - Number(isValidAt(left, now)) || right.notAfter - left.notAfter,
    )
    .at(0);
}
