// Roles Anywhere User Guide, "Trust model": signature validation, end-entity constraints, revocation. Path rules: RFC 5280 6.1.
import { isoSeconds } from '../foundation/clock.ts';
import type { Certificate } from '../identity/certificate.ts';
import type { TrustAnchor } from './account/account.ts';
import { readRevocationList } from './account/revocation.ts';

export type PathVerdict =
  | { readonly trusted: true; /** Leaf first, the anchor's certificate last. */ readonly path: readonly Certificate[] }
  | ({ readonly trusted: false } & PathRefusal);

interface PathRefusal {
  /** For the caller, in the service's words if they are known. */
  readonly message: string;
  /** Whether the wording is documented or was observed. */
  readonly verified: boolean;
  /** For the emulator's log. */
  readonly detail: string;
}

/** "X-Amz-X509-Chain": at most five certificates. */
const MAX_CHAIN = 5;
const STRONG_HASHES: ReadonlySet<string | undefined> = new Set(['SHA-256', 'SHA-384', 'SHA-512']);

/**
 * Whether Roles Anywhere accepts the leaf under this anchor at `now` (epoch ms). The chain may have
 * any order.
 */
export function verifyPath(
  leaf: Certificate,
  chain: readonly Certificate[],
  anchor: TrustAnchor,
  now: number,
): PathVerdict {
  const built = buildPath(leaf, chain, anchor, now);
  if ('problem' in built) return untrustedSigner(built.problem);
  const constraint = leafProblem(leaf, built.path);
  if (constraint) return refusal('Untrusted certificate. Insufficient certificate', true, constraint);
  const validity = validityProblem(leaf, now);
  if (validity)
    return refusal('Untrusted certificate. The certificate is not within its validity period', false, validity);
  const revoked = revokedIn(built.path, anchor);
  if (revoked)
    return refusal(
      'Certificate revoked',
      true,
      `${revoked.subjectText} (serial ${revoked.serialHex}) is on an imported CRL`,
    );
  return { trusted: true, path: built.path };
}

function refusal(message: string, verified: boolean, detail: string): PathVerdict {
  return { trusted: false, message, verified, detail };
}

function untrustedSigner(detail: string): PathVerdict {
  return refusal('Untrusted signing certificate', true, detail);
}

type BuiltPath = { readonly path: readonly Certificate[] } | { readonly problem: string };

function buildPath(leaf: Certificate, chain: readonly Certificate[], anchor: TrustAnchor, now: number): BuiltPath {
  if (chain.length > MAX_CHAIN)
    return { problem: `the chain has ${chain.length} certificates, more than ${MAX_CHAIN}` };
  const known = new Set([leaf, ...anchor.certificates].map(({ fingerprint }) => fingerprint));
  const candidates = chain.filter(({ fingerprint }) => !known.has(fingerprint));
  const problems: string[] = [];
  for (const path of pathsFrom([leaf], candidates, anchor)) {
    const problem = authorityProblem(path, now);
    if (problem === undefined) return { path };
    problems.push(problem);
  }
  return { problem: problems.at(0) ?? deadEnd(leaf, candidates, anchor) };
}

/** Every path from the last certificate to one of the anchor's, by signature. */
function* pathsFrom(
  path: readonly [Certificate, ...Certificate[]],
  candidates: readonly Certificate[],
  anchor: TrustAnchor,
): Generator<readonly Certificate[]> {
  const last = path.at(-1) ?? path[0];
  for (const authority of anchor.certificates) if (last.isIssuedBy(authority)) yield [...path, authority];
  for (const [index, next] of candidates.entries())
    if (last.isIssuedBy(next)) yield* pathsFrom([...path, next], candidates.toSpliced(index, 1), anchor);
}

/** Problems of the certificate authorities of a path, or of what they signed. */
function authorityProblem(path: readonly Certificate[], now: number): string | undefined {
  const authorities = path.slice(1);
  return authorities
    .map((authority, below) => {
      if (authority.isCa !== true) return `${authority.subjectText} is no CA`;
      if (!authority.keyUsage?.has('keyCertSign')) return `${authority.subjectText} lacks keyUsage keyCertSign`;
      if (isDeeper(authorities.slice(0, below), authority.pathLength))
        return `${authority.subjectText} allows only ${authority.pathLength ?? 0} CAs below itself (pathLenConstraint)`;
      const signedBy = path[below + 2];
      const odd = extensionProblem(authority);
      if (odd !== undefined) return `${authority.subjectText} ${odd}`;
      return validityProblem(authority, now) ?? (signedBy && signatureProblem(authority, signedBy));
    })
    .find((problem) => problem !== undefined);
}

/** RFC 5280 4.2.1.9: self-issued certificates do not count. */
function isDeeper(authoritiesBelow: readonly Certificate[], limit: number | undefined): boolean {
  return limit !== undefined && authoritiesBelow.filter(({ selfIssued }) => !selfIssued).length > limit;
}

function leafProblem(leaf: Certificate, path: readonly Certificate[]): string | undefined {
  if (leaf.version !== 3) return `it is X.509 version ${leaf.version}, not 3`;
  if (leaf.isCa === true) return 'it is a CA certificate';
  if (!leaf.keyUsage?.has('digitalSignature')) return 'its keyUsage lacks digitalSignature';
  if (leaf.subject.length === 0) return 'its subject is empty';
  const odd = extensionProblem(leaf);
  if (odd !== undefined) return `it ${odd}`;
  const issuer = path[1];
  return issuer && signatureProblem(leaf, issuer);
}

/** RFC 5280 4.2. */
function extensionProblem({ unknownCriticalExtensions, duplicateExtensions }: Certificate): string | undefined {
  const [unknown] = unknownCriticalExtensions;
  if (unknown !== undefined) return `has the critical extension ${unknown}, which is not known`;
  const [twice] = duplicateExtensions;
  return twice === undefined ? undefined : `has the extension ${twice} twice`;
}

/** RSA and EC signatures need SHA-256 or more. Others (ML-DSA) have no separate hash. */
function signatureProblem({ subjectText, signatureHash }: Certificate, issuer: Certificate): string | undefined {
  const choosesHash = ['rsa', 'rsa-pss', 'ec', 'dsa'].includes(issuer.publicKey?.asymmetricKeyType ?? '');
  if (!choosesHash || STRONG_HASHES.has(signatureHash)) return undefined;
  return `${subjectText} is signed with ${signatureHash ?? 'an unknown hash'}, weaker than SHA-256`;
}

function validityProblem({ subjectText, notBefore, notAfter }: Certificate, now: number): string | undefined {
  if (now < notBefore) return `${subjectText} is not valid before ${isoSeconds(notBefore)}`;
  if (now > notAfter) return `${subjectText} expired at ${isoSeconds(notAfter)}`;
  return undefined;
}

/**
 * A list counts if the issuer of the certificate signed it. nextUpdate is ignored, because the
 * service's behaviour after it is unknown.
 */
function revokedIn(path: readonly Certificate[], anchor: TrustAnchor): Certificate | undefined {
  const lists = anchor.revocationLists.map(readRevocationList);
  return path.find((certificate, index) => {
    const issuer = path[index + 1];
    return issuer && lists.some((list) => list.revokes(certificate) && list.isIssuedBy(issuer));
  });
}

function deadEnd(leaf: Certificate, candidates: readonly Certificate[], anchor: TrustAnchor): string {
  let last = leaf;
  let rest = candidates;
  for (let next = rest.find(last.isIssuedBy); next; next = rest.find(last.isIssuedBy)) {
    const reached = next;
    last = reached;
    rest = rest.filter((candidate) => candidate !== reached);
  }
  const names = anchor.certificates.map(({ subjectText }) => subjectText).join(' or ');
  return `${last.subjectText} is issued by ${last.issuerText}, which is neither in the chain sent nor in the trust anchor (${names})`;
}
