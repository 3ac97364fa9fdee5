/**
 * Verifies Signature Version 4 with a secret access key, in headers and in the query of presigned
 * URLs.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isoSeconds } from '../../foundation/clock.ts';
import type { IssuedSession, IssuedSessions } from '../issued-sessions.ts';
import { StsError } from '../sts-answer.ts';
import { onlyHeader, queryPairs, type WireHead, type WireRequest } from '../wire-request.ts';
import { claimOf, type Credential, parseAuthorization, type SignatureClaim } from './authorization-header.ts';
import { amzDate, canonicalRequest, parseAmzDate, stringToSign } from './canonical-request.ts';

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** The clock difference that STS allows. A presigned URL has its own lifetime, at most a week. */
const CLOCK_WINDOW_SECONDS = 900;
const LONGEST_PRESIGNED_SECONDS = 604_800;

interface HmacClaim extends SignatureClaim {
  readonly date: string;
  readonly token: string | undefined;
  readonly validSeconds: number;
  /** The only query parameter that is not signed. */
  readonly unsignedQuery?: string;
}

/** What a service requires of a signature: its name in the scope, and the signed payload hash. */
export interface SigningService {
  readonly name: string;
  /** Set if it is not the SHA-256 of the body. */
  readonly payloadHash?: (request: WireRequest) => string;
  readonly isPathEncodedOnce?: boolean;
}

/** A verified signature, and what parts of the payload are signed with. */
export interface VerifiedSignature {
  readonly session: IssuedSession;
  /** Lower case hex. */
  readonly signature: string;
  /** Signs the parts of a payload that is sent in signed parts. */
  readonly key: Buffer;
  /** `20261122T155400Z` */
  readonly date: string;
  /** `20261122/eu-west-1/s3/aws4_request` */
  readonly scope: string;
}

/**
 * The session whose holder signed this request.
 *
 * @param now - milliseconds since the epoch
 * @throws StsError
 */
export function verifyHmacAuthorization(
  request: WireRequest,
  service: SigningService,
  sessions: IssuedSessions,
  now: number,
): IssuedSession {
  return verifySignature(request, service, sessions, now).session;
}

/** Service and region in the credential scope, unverified; undefined without a signature of this form. */
export function claimedScope(head: WireHead): Pick<Credential, 'service' | 'region'> | undefined {
  const header = onlyHeader(head, 'authorization');
  try {
    return (header === undefined ? queryClaim(new Map(pairsOf(head))) : headerClaim(head, header))?.credential;
  } catch {
    return undefined;
  }
}

/** @throws StsError */
export function verifySignature(
  request: WireRequest,
  service: SigningService,
  sessions: IssuedSessions,
  now: number,
): VerifiedSignature {
  const claim = claimIn(request);
  requireScope(request, claim, service);
  requireDate(claim, now);
  const session = sessionOf(claim, sessions);
  const key = requireSignature(request, claim, service, session);
  if (now >= session.expiration) {
    throw new StsError(
      'ExpiredToken',
      403,
      'The security token included in the request is expired',
      `it expired at ${isoSeconds(session.expiration)}`,
    );
  }
  const { signature, date, credential } = claim;
  return { session, signature, key, date, scope: credential.scope };
}

function claimIn(request: WireRequest): HmacClaim {
  const header = onlyHeader(request, 'authorization');
  const query = new Map(pairsOf(request));
  if (header === undefined && !query.has('X-Amz-Signature')) {
    throw new StsError(
      'MissingAuthenticationToken',
      403,
      'Request is missing Authentication Token',
      'neither one Authorization header nor X-Amz-Signature',
    );
  }
  const claim = header === undefined ? queryClaim(query) : headerClaim(request, header);
  if (claim?.algorithm !== ALGORITHM) throw incomplete(`it is not a complete ${ALGORITHM} signature`);
  return claim;
}

function headerClaim(request: WireHead, header: string): HmacClaim | undefined {
  const claim = parseAuthorization(header);
  if (!claim) return undefined;
  const date = onlyHeader(request, 'x-amz-date') ?? '';
  const token = onlyHeader(request, 'x-amz-security-token');
  return { ...claim, date, token, validSeconds: CLOCK_WINDOW_SECONDS };
}

function queryClaim(query: ReadonlyMap<string, string>): HmacClaim | undefined {
  const fields = ['Credential', 'SignedHeaders', 'Signature'].map((name): [string, string] => [
    name,
    query.get(`X-Amz-${name}`) ?? '',
  ]);
  const claim = claimOf(query.get('X-Amz-Algorithm') ?? '', new Map(fields));
  const validSeconds = Number(query.get('X-Amz-Expires'));
  if (!claim || !(validSeconds >= 1 && validSeconds <= LONGEST_PRESIGNED_SECONDS)) return undefined;
  const date = query.get('X-Amz-Date') ?? '';
  return { ...claim, date, token: query.get('X-Amz-Security-Token'), validSeconds, unsignedQuery: 'X-Amz-Signature' };
}

function pairsOf(request: WireHead): [string, string][] {
  try {
    return queryPairs(request.query);
  } catch {
    throw incomplete('the query is not valid percent-encoding');
  }
}

/** Any region, because SDKs sign for the global endpoint's region or their own. */
function requireScope(
  request: WireRequest,
  { credential, date, signedHeaders }: HmacClaim,
  { name }: SigningService,
): void {
  if (credential.service !== name) throw mismatch(`the scope's service is ${credential.service}, not ${name}`);
  if (credential.date !== date.slice(0, 8))
    throw mismatch(`the scope's date ${credential.date} is not that of X-Amz-Date, ${date}`);
  const unsigned = ['host', 'x-amz-date'].filter((name) => !signedHeaders.includes(name) && request.headers.has(name));
  if (unsigned.length > 0) throw mismatch(`not among the signed headers: ${unsigned.join(', ')}`);
}

function requireDate({ date, validSeconds }: HmacClaim, now: number): void {
  const time = parseAmzDate(date);
  if (time === undefined) throw incomplete('X-Amz-Date is not one moment written as YYYYMMDDTHHMMSSZ');
  if (time - now > CLOCK_WINDOW_SECONDS * 1000)
    throw new SkewedSignature(
      `Signature not yet current: ${date} is still later than ${amzDate(now + CLOCK_WINDOW_SECONDS * 1000)} (${amzDate(now)} + 15 min.)`,
    );
  if (now - time > validSeconds * 1000)
    throw new SkewedSignature(
      `Signature expired: ${date} is now earlier than ${amzDate(now - validSeconds * 1000)} (${amzDate(now)} - ${validSeconds / 60} min.)`,
    );
}

/** STS has one answer for an unknown key and for a token of another key. */
function sessionOf({ credential, token }: HmacClaim, sessions: IssuedSessions): IssuedSession {
  const session = sessions.find(credential.id);
  if (session && token !== undefined && equal(token, session.sessionToken.reveal())) return session;
  const why = session
    ? `the session token ${token === undefined ? 'is missing' : 'is not the one of this key'}`
    : 'no such access key was issued here';
  throw new StsError('InvalidClientTokenId', 403, 'The security token included in the request is invalid.', why);
}

function requireSignature(
  request: WireRequest,
  claim: HmacClaim,
  { payloadHash, isPathEncodedOnce }: SigningService,
  session: IssuedSession,
): Buffer {
  const { signedHeaders, unsignedQuery } = claim;
  const form = { unsignedQuery, payloadHash: payloadHash?.(request), isPathEncodedOnce };
  const canonical = canonicalRequest(request, signedHeaders, form);
  const text = stringToSign({ algorithm: ALGORITHM, date: claim.date, scope: claim.credential.scope, canonical });
  const key = signingKey(session.secretAccessKey.reveal(), claim);
  const expected = hmac(key, text).toString('hex');
  if (!equal(expected, claim.signature)) throw mismatch('it was made with another secret, or for another request');
  return key;
}

function signingKey(secret: string, { credential: { date, region, service } }: HmacClaim): Buffer {
  return [date, region, service, 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${secret}`),
  );
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'latin1').digest();
}

export function equal(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function incomplete(detail: string): StsError {
  return new StsError('IncompleteSignature', 400, 'The request signature does not conform to AWS standards', detail);
}

function mismatch(detail: string): StsError {
  const message =
    'The request signature we calculated does not match the signature you provided. ' +
    'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
  return new StsError('SignatureDoesNotMatch', 403, message, detail);
}

/** Services have different words for it. */
export class SkewedSignature extends StsError {
  constructor(message: string) {
    super('SignatureDoesNotMatch', 403, message, message);
  }
}
