import { createHash, createPublicKey, type KeyObject, verify, X509Certificate } from 'node:crypto';
import {
  alternativeNamesIn,
  basicConstraintsIn,
  duplicates,
  extensionOids,
  type KeyUsage,
  keyUsageIn,
  unknownCritical,
} from './certificate-extensions.ts';
import { type CertificateFields, certificateFields, type Extension } from './certificate-fields.ts';
import { type DistinguishedName, type NameAttribute, readName } from './distinguished-name.ts';
import { serialHex } from './serial-number.ts';
import { signatureHashOf } from './signature-hash.ts';

export type AlternativeName =
  | { readonly type: 'DNS' | 'URI' | 'email' | 'IP'; readonly value: string }
  | { readonly type: 'directoryName'; readonly name: readonly NameAttribute[] };

/** The content of a certificate, parsed once. Nothing in it is trusted yet. */
export interface Certificate {
  readonly der: Buffer;
  /** 1, 2 or 3. */
  readonly version: number;
  /**
   * Decimal for the signing process, and lowercase hex padded to whole bytes. With a minus if its
   * issuer made it negative.
   */
  readonly serial: string;
  readonly serialHex: string;
  /** In certificate order. */
  readonly subject: readonly NameAttribute[];
  readonly issuer: readonly NameAttribute[];
  /** Text for people, such as `CN=device-0001, O=Example`. */
  readonly subjectText: string;
  readonly issuerText: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** basicConstraints; undefined if the extension is absent. */
  readonly isCa: boolean | undefined;
  /** How many CAs may be between this one and a leaf; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Undefined if the extension is absent. */
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /**
   * Upper case hash of the signature algorithm (`SHA-256`, `SHA-1`, `MD5`); undefined if it has no
   * separate one (ML-DSA, Ed25519).
   */
  readonly signatureHash: string | undefined;
  readonly alternativeNames: readonly AlternativeName[];
  /** OIDs of duplicate extensions, and of critical ones that are not in RFC 5280. */
  readonly duplicateExtensions: readonly string[];
  readonly unknownCriticalExtensions: readonly string[];
  /** Undefined if this Node cannot read such a key (ML-DSA before Node 24). */
  readonly publicKey: KeyObject | undefined;
  /** Lowercase hex SHA-256 of the DER. */
  readonly fingerprint: string;
  /** Subject equals issuer: a root, a CA with a new key (RFC 4210 4.4), or a self-signed leaf. */
  readonly selfIssued: boolean;
  /** Signed with its own key, so it leads to no other certificate. */
  readonly isSelfSigned: () => boolean;
  /** Whether `issuer` signed this certificate: the names match and the signature is valid. */
  readonly isIssuedBy: (issuer: Certificate) => boolean;
}

/**
 * Parses one DER certificate.
 *
 * @throws Error that says what cannot be read; callers add the file.
 */
export function readCertificate(der: Buffer): Certificate {
  const fields = certificateFields(der);
  const native = nativeOf(der, fields);
  const publicKey = publicKeyOf(native, fields);
  const isSignedWith = (key: KeyObject): boolean => isSignedBy(native, fields, key);
  const [subject, issuer] = [nameIn(fields, 'subject'), nameIn(fields, 'issuer')];
  const [subjectText, issuerText] = [subject.text, issuer.text];
  const selfIssued = subjectText === issuerText;
  return {
    der,
    version: fields.version,
    serial: fields.serial.toString(),
    serialHex: serialHex(fields.serial.toString()),
    subject: subject.attributes,
    issuer: issuer.attributes,
    subjectText,
    issuerText,
    notBefore: fields.notBefore,
    notAfter: fields.notAfter,
    ...extensionsOf(fields.extensions),
    signatureHash: signatureHashOf(fields.signatureAlgorithm),
    publicKey,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    selfIssued,
    // If Node cannot read the key (ML-DSA before Node 24), only the names are compared.
    isSelfSigned: () => selfIssued && (publicKey === undefined || isSignedWith(publicKey)),
    isIssuedBy: (issuer) =>
      issuer.publicKey !== undefined && namesIssuer(native, issuerText, issuer) && isSignedWith(issuer.publicKey),
  };
}

type FromExtensions = Pick<
  Certificate,
  'isCa' | 'pathLength' | 'keyUsage' | 'alternativeNames' | 'duplicateExtensions' | 'unknownCriticalExtensions'
>;

/** For a duplicate extension, the first one counts. */
function extensionsOf(extensions: readonly Extension[]): FromExtensions {
  const valueOf = (wanted: string): Buffer | undefined => extensions.find(({ oid }) => oid === wanted)?.value;
  const constraints = valueOf(extensionOids.basicConstraints);
  const usage = valueOf(extensionOids.keyUsage);
  const names = valueOf(extensionOids.subjectAlternativeName);
  const { isCa, pathLength } = constraints ? basicConstraintsIn(constraints) : NO_CONSTRAINTS;
  return {
    isCa,
    pathLength,
    keyUsage: usage && keyUsageIn(usage),
    alternativeNames: names ? alternativeNamesIn(names).map(namedAttributes) : [],
    duplicateExtensions: duplicates(extensions),
    unknownCriticalExtensions: unknownCritical(extensions),
  };
}

const NO_CONSTRAINTS = { isCa: undefined, pathLength: undefined } as const;

function namedAttributes(name: ReturnType<typeof alternativeNamesIn>[number]): AlternativeName {
  return name.type === 'directoryName' ? { type: name.type, name: readName(name.name).attributes } : name;
}

function nameIn(fields: CertificateFields, field: 'subject' | 'issuer'): DistinguishedName {
  try {
    return readName(fields[field]);
  } catch (error) {
    throw new Error(`its ${field} cannot be read`, { cause: error });
  }
}

/** OpenSSL is the stricter parser, and decides except about times without seconds. @throws Error */
function nativeOf(der: Buffer, { hasShortTime }: CertificateFields): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    if (hasShortTime) return undefined;
    // Of DER, Node reports only that it is not PEM either. Of PEM, it reports OpenSSL's reason.
    return new X509Certificate(`-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`);
  }
}

function publicKeyOf(native: X509Certificate | undefined, { publicKeyInfo }: CertificateFields): KeyObject | undefined {
  try {
    return native ? native.publicKey : createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

function namesIssuer(native: X509Certificate | undefined, issuerText: string, issuer: Certificate): boolean {
  try {
    if (native) return native.checkIssued(new X509Certificate(issuer.der));
  } catch {
    // OpenSSL cannot read the issuer.
  }
  return issuerText === issuer.subjectText;
}

function isSignedBy(native: X509Certificate | undefined, fields: CertificateFields, key: KeyObject): boolean {
  try {
    if (native) return native.verify(key);
    const { signed, signature, signatureAlgorithm } = fields;
    return verify(signatureHashOf(signatureAlgorithm) ?? null, signed, key, signature);
  } catch {
    return false;
  }
}
