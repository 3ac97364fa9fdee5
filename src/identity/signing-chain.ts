import type { KeyObject } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { identityError } from './identity-errors.ts';
import { WEAK_HASHES } from './signing-certificate.ts';

export interface SigningChain {
  /** The certificates to send: the leaf's issuer path first, then other paths, without roots. */
  readonly chain: readonly Certificate[];
  /** On no path from the leaf; left out. */
  readonly unrelated: readonly Certificate[];
  /** On a path, but more than the service accepts. */
  readonly excess: readonly Certificate[];
}

/** "A maximum of 5 certificates" in X-Amz-X509-Chain (Roles Anywhere user guide, "sign process"). */
const MOST_INTERMEDIATES = 5;

/**
 * The certificates of this key, at any position; several if a renewal kept the key. The best comes
 * first: issued by a CA and currently valid, and of those the one that lasts longest.
 */
export function leavesFor(publicKey: KeyObject, certificates: readonly Certificate[], now: number): Certificate[] {
  const own = certificates.filter((certificate) => isSameKey(publicKey, certificate.publicKey));
  const issued = own.filter((certificate) => !certificate.isSelfSigned());
  return byUse(issued.length > 0 ? issued : own, now);
}

/** For a key that does not identify its certificate. The best comes first. */
export function endEntities(certificates: readonly Certificate[], now: number): Certificate[] {
  return byUse(
    certificates.filter(({ isCa }) => !isCa),
    now,
  );
}

/**
 * Everything that can lead from the leaf to a trust anchor. Only the service knows the anchor. If
 * CAs are cross-signed or have new keys, all paths are sent, up to the limit. Self-signed
 * certificates are left out: they lead only to themselves, and the service has the trust anchor.
 *
 * @throws CHAIN_TOO_LONG
 */
export function chainFor(leaf: Certificate, certificates: readonly Certificate[], now: number): SigningChain {
  const candidates = candidatesFor(leaf, certificates);
  const links = new Links(candidates, now);
  const others = links.above(leaf).filter((certificate) => isUsable(certificate, now));
  const reached = [...new Set([...pathUp(leaf, links), ...others])];
  return {
    chain: reached.slice(0, MOST_INTERMEDIATES),
    excess: reached.slice(MOST_INTERMEDIATES),
    unrelated: candidates.filter((candidate) => !reached.includes(candidate)),
  };
}

/**
 * The shortest path from the leaf to one of the anchor's certificates.
 *
 * @throws TRUST_ANCHOR_UNREACHABLE, CHAIN_TOO_LONG
 */
export function chainToAnchor(
  leaf: Certificate,
  certificates: readonly Certificate[],
  anchor: readonly Certificate[],
  now: number,
): SigningChain {
  const anchors = new Set(anchor.map(({ fingerprint }) => fingerprint));
  const candidates = candidatesFor(leaf, certificates).filter(({ fingerprint }) => !anchors.has(fingerprint));
  const links = new Links(candidates, now);
  const end = [leaf, ...links.above(leaf)].find((reached) => anchor.some((authority) => isIssuer(authority, reached)));
  if (!end) throw unreachable(leaf, links, anchor);
  const chain = links.wayTo(end, leaf);
  if (chain.length <= MOST_INTERMEDIATES)
    return { chain, excess: [], unrelated: candidates.filter((candidate) => !chain.includes(candidate)) };
  throw identityError(
    'CHAIN_TOO_LONG',
    `${chain.length} intermediates lead from ${leaf.subjectText} to the trust anchor; the service accepts ${MOST_INTERMEDIATES}`,
  );
}

/** Whether there is a path from the leaf to the anchor. */
export function reachesAnchor(
  leaf: Certificate,
  certificates: readonly Certificate[],
  anchor: readonly Certificate[],
  now: number,
): boolean {
  const above = new Links(candidatesFor(leaf, certificates), now).above(leaf);
  return [leaf, ...above].some((reached) => anchor.some((authority) => isIssuer(authority, reached)));
}

function candidatesFor(leaf: Certificate, certificates: readonly Certificate[]): Certificate[] {
  return certificates.filter(
    (certificate) => certificate.fingerprint !== leaf.fingerprint && !certificate.isSelfSigned(),
  );
}

/** The issuers of each certificate. Cached, because each lookup verifies a signature. */
class Links {
  readonly #candidates: readonly Certificate[];
  readonly #issuers = new Map<Certificate, readonly Certificate[]>();
  /** From each reached certificate to the one it issued, on the first path that reached it. */
  readonly #below = new Map<Certificate, Certificate>();

  constructor(candidates: readonly Certificate[], now: number) {
    this.#candidates = byUse(candidates, now);
  }

  /** The best first. */
  issuersOf(certificate: Certificate): readonly Certificate[] {
    const known = this.#issuers.get(certificate);
    if (known) return known;
    const issuers = this.#candidates.filter(
      (candidate) => candidate !== certificate && isIssuer(candidate, certificate),
    );
    this.#issuers.set(certificate, issuers);
    return issuers;
  }

  /** Everything above the leaf, the nearest first. A loop ends where it began. */
  above(leaf: Certificate): Certificate[] {
    const reached: Certificate[] = [];
    this.#below.clear();
    for (let level = [leaf]; level.length > 0;) {
      const next: Certificate[] = [];
      for (const below of level)
        for (const issuer of this.issuersOf(below))
          if (!this.#below.has(issuer)) {
            this.#below.set(issuer, below);
            next.push(issuer);
          }
      reached.push(...next);
      level = next;
    }
    return reached;
  }

  /** Upwards from the leaf to a certificate that {@link above} reached, inclusive. */
  wayTo(end: Certificate, leaf: Certificate): Certificate[] {
    const way: Certificate[] = [];
    for (let at: Certificate | undefined = end; at && at !== leaf; at = this.#below.get(at)) way.unshift(at);
    return way;
  }
}

/** The best path; if that is too long, the shortest one with an end. */
function pathUp(leaf: Certificate, links: Links): Certificate[] {
  const best = bestPath(leaf, links);
  if (best.length <= MOST_INTERMEDIATES) return best;
  const end = links.above(leaf).find((reached) => links.issuersOf(reached).length === 0);
  const shortest = end ? links.wayTo(end, leaf) : best;
  if (shortest.length <= MOST_INTERMEDIATES) return shortest;
  throw identityError(
    'CHAIN_TOO_LONG',
    `${shortest.length} intermediates lead from ${leaf.subjectText} to the root; the service accepts ${MOST_INTERMEDIATES}`,
  );
}

/** The best issuer of the best issuer, and so on. */
function bestPath(leaf: Certificate, links: Links): Certificate[] {
  const path: Certificate[] = [];
  const next = (): Certificate | undefined => links.issuersOf(path.at(-1) ?? leaf).find((one) => !path.includes(one));
  for (let issuer = next(); issuer; issuer = next()) path.push(issuer);
  return path;
}

function unreachable(leaf: Certificate, links: Links, anchor: readonly Certificate[]): Error {
  const ends = [leaf, ...links.above(leaf)].filter((reached) => links.issuersOf(reached).length === 0);
  const wanted = [...new Set(ends.map(({ issuerText }) => issuerText))].slice(0, 3).join(' or ');
  const names = anchor.map(({ subjectText }) => subjectText).join(' or ');
  return identityError(
    'TRUST_ANCHOR_UNREACHABLE',
    `no path leads from ${leaf.subjectText} to the trust anchor (${names}): the certificate of ${wanted || leaf.issuerText} is missing`,
  );
}

/**
 * An issuer whose key this Node cannot read (ML-DSA before Node 24) is matched by name. The service
 * verifies it anyway.
 */
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

/** Certificates that the service can accept now come first, then those that last longest. */
function byUse(certificates: readonly Certificate[], now: number): Certificate[] {
  return certificates.toSorted(
    (left, right) => Number(isUsable(right, now)) - Number(isUsable(left, now)) || right.notAfter - left.notAfter,
  );
}

function isUsable(certificate: Certificate, now: number): boolean {
  return isValidAt(certificate, now) && !WEAK_HASHES.has(certificate.signatureHash ?? '');
}
