/**
 * Verifies AWS4-X509:
 * https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
 *
 * The service answers `Invalid signature` to every problem here. That was observed for an invalid
 * signature, a wrong clock and a serial number in hex. For other problems it is an assumption, and
 * marked as such.
 */
import { constants, type KeyObject, verify } from 'node:crypto';
import { messageOf } from '../../foundation/errors.ts';
import { type Certificate, readCertificate } from '../../identity/certificate.ts';
import { denied, deniedInOwnWords, type Refusal } from '../refusal.ts';
import { onlyHeader, type WireRequest } from '../wire-request.ts';
import { parseAuthorization, type SignatureClaim } from './authorization-header.ts';
import { canonicalRequest, parseAmzDate, stringToSign } from './canonical-request.ts';

/**
 * The holder of the certificate's private key signed this request. Whether the certificate is
 * trusted is a separate question.
 */
export interface ProvenCaller {
  readonly certificate: Certificate;
  /** As sent: in any order, perhaps too many. */
  readonly chain: readonly Certificate[];
}

export interface SigningTerms {
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
}

/** @throws Refusal */
export function verifyX509Authorization(request: WireRequest, terms: SigningTerms): ProvenCaller {
  const claim = claimIn(request);
  const caller = { certificate: leafIn(request), chain: chainIn(request) };
  const key = keyFor(claim.algorithm, caller.certificate);
  requireSignedHeaders(request, claim.signedHeaders);
  requireScope(claim, terms.region);
  const date = requireDate(request, claim, terms);
  requireSignature(request, claim, key, date);
  requireSerial(claim.credential.id, caller.certificate);
  return caller;
}

const MESSAGE = 'Invalid signature';

function malformed(detail: string): Refusal {
  return deniedInOwnWords(MESSAGE, detail);
}

function claimIn(request: WireRequest): SignatureClaim {
  const header = onlyHeader(request, 'authorization');
  if (header === undefined) throw malformed('there is no Authorization header, or more than one');
  const claim = parseAuthorization(header);
  if (!claim) {
    throw malformed(
      'the Authorization header is not `ALGORITHM Credential=serial/date/region/rolesanywhere/aws4_request, SignedHeaders=a;b;c, Signature=hex` with sorted lower case names and lower case hex',
    );
  }
  return claim;
}

function leafIn(request: WireRequest): Certificate {
  const header = onlyHeader(request, 'x-amz-x509');
  if (header === undefined) throw malformed('there is no X-Amz-X509 header, or more than one');
  return certificateIn(header, 'X-Amz-X509');
}

function chainIn(request: WireRequest): Certificate[] {
  const values = request.headers.get('x-amz-x509-chain');
  if (!values) return [];
  const encoded = values.join(',').split(',');
  return encoded.map((text, index) => certificateIn(text.trim(), `X-Amz-X509-Chain, certificate ${index + 1}`));
}

function certificateIn(text: string, where: string): Certificate {
  const der = Buffer.from(text, 'base64');
  if (der.toString('base64') !== text) throw malformed(`${where} is not padded standard base64 without line breaks`);
  try {
    return readCertificate(der);
  } catch (error) {
    throw malformed(`${where} is not a DER certificate: ${messageOf(error)}`);
  }
}

/**
 * The algorithm token for each kind of key. The hash is SHA-256 for every curve, and ML-DSA has
 * none.
 */
const KEY_TYPES: Readonly<Record<string, readonly string[]>> = {
  'AWS4-X509-RSA-SHA256': ['rsa'],
  'AWS4-X509-ECDSA-SHA256': ['ec prime256v1', 'ec secp384r1', 'ec secp521r1'],
  'AWS4-X509-MLDSA': ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'],
};

function keyFor(algorithm: string, { publicKey }: Certificate): KeyObject {
  const accepted = KEY_TYPES[algorithm];
  if (!accepted) throw malformed(`${algorithm} is none of ${Object.keys(KEY_TYPES).join(', ')}`);
  if (!publicKey) throw malformed(`Node ${process.versions.node} cannot read the certificate's public key`);
  const type = keyTypeOf(publicKey);
  if (!accepted.includes(type)) throw malformed(`${algorithm} does not fit the certificate's key (${type})`);
  return publicKey;
}

function keyTypeOf(key: KeyObject): string {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return [key.asymmetricKeyType, curve].filter((part) => part !== undefined).join(' ');
}

function requireSignedHeaders(request: WireRequest, signed: readonly string[]): void {
  const chain = request.headers.has('x-amz-x509-chain') ? ['x-amz-x509-chain'] : [];
  const unsigned = ['host', 'x-amz-date', 'x-amz-x509', ...chain].filter((name) => !signed.includes(name));
  if (unsigned.length > 0) throw malformed(`not among SignedHeaders: ${unsigned.join(', ')}`);
  const absent = signed.filter((name) => !request.headers.has(name));
  if (absent.length > 0) throw malformed(`signed but not sent: ${absent.join(', ')}`);
}

function requireScope({ credential: { region, service } }: SignatureClaim, expected: string): void {
  if (region !== expected) throw malformed(`the scope's region is ${region}, this account's is ${expected}`);
  if (service !== 'rolesanywhere') throw malformed(`the scope's service is ${service}, not rolesanywhere`);
}

function requireDate(request: WireRequest, claim: SignatureClaim, terms: SigningTerms): string {
  const date = onlyHeader(request, 'x-amz-date') ?? '';
  const time = parseAmzDate(date);
  if (time === undefined) throw malformed('X-Amz-Date is not one moment written as YYYYMMDDTHHMMSSZ');
  if (claim.credential.date !== date.slice(0, 8)) {
    throw malformed(`the scope's date ${claim.credential.date} is not that of X-Amz-Date, ${date}`);
  }
  const off = Math.round((time - terms.now) / 1000);
  if (Math.abs(off) > terms.clockToleranceSeconds) {
    throw denied(MESSAGE, `X-Amz-Date ${date} is ${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} this clock`);
  }
  return date;
}

function requireSignature(request: WireRequest, claim: SignatureClaim, key: KeyObject, date: string): void {
  const canonical = canonicalRequestOf(request, claim);
  const { algorithm, credential } = claim;
  const signed = Buffer.from(stringToSign({ algorithm, date, scope: credential.scope, canonical }), 'latin1');
  if (!verifies(algorithm, signed, key, Buffer.from(claim.signature, 'hex'))) {
    const form = OTHER_FORMS.find(({ options }) =>
      isSignedAs(options, signed, key, Buffer.from(claim.signature, 'hex')),
    );
    if (form)
      throw denied(MESSAGE, `the signature is ${form.name}; ${algorithm} is ${EXPECTED_FORMS[algorithm] ?? ''}`);
    throw denied(
      MESSAGE,
      `the signature does not verify over this canonical request: ${JSON.stringify(shortened(canonical))}`,
    );
  }
}

function canonicalRequestOf(request: WireRequest, claim: SignatureClaim): string {
  try {
    return canonicalRequest(request, claim.signedHeaders);
  } catch (error) {
    throw malformed(`the query cannot be read: ${messageOf(error)}`);
  }
}

/** With shortened certificates, for people to compare. */
function shortened(canonical: string): string {
  return canonical.replace(/[\w+/=,]{100,}/g, (long) => `${long.slice(0, 16)}...(${long.length} characters)`);
}

/** For some malformed signatures, OpenSSL throws instead of returning false. */
function verifies(algorithm: string, data: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify(algorithm === 'AWS4-X509-MLDSA' ? null : 'sha256', data, key, signature);
  } catch {
    return false;
  }
}

const EXPECTED_FORMS: Readonly<Record<string, string>> = {
  'AWS4-X509-RSA-SHA256': 'PKCS#1 v1.5 with SHA-256',
  'AWS4-X509-ECDSA-SHA256': 'ECDSA with SHA-256, as ASN.1 DER',
};

interface SignatureForm {
  readonly hash: string;
  readonly padding?: number;
  readonly dsaEncoding?: 'ieee-p1363';
}

/** Detects common mistakes of signers with the right key and text. */
const OTHER_FORMS: readonly { readonly name: string; readonly options: SignatureForm }[] = [
  { name: 'RSA-PSS', options: { hash: 'sha256', padding: constants.RSA_PKCS1_PSS_PADDING } },
  { name: 'r and s side by side (IEEE P1363)', options: { hash: 'sha256', dsaEncoding: 'ieee-p1363' } },
  ...['sha1', 'sha384', 'sha512'].map((hash) => ({ name: `over ${hash.replace('sha', 'SHA-')}`, options: { hash } })),
];

function isSignedAs({ hash, ...form }: SignatureForm, data: Buffer, key: KeyObject, signature: Buffer): boolean {
  if (form.padding !== undefined && key.asymmetricKeyType !== 'rsa') return false;
  try {
    return verify(hash, data, { key, ...form }, signature);
  } catch {
    return false;
  }
}

function requireSerial(claimed: string, certificate: Certificate): void {
  if (claimed === certificate.serial) return;
  throw denied(
    MESSAGE,
    `Credential has the serial ${claimed}, the certificate ${certificate.serial} (decimal; ${certificate.serialHex} in hex)`,
  );
}
