import { X509Certificate, createHash, type KeyObject } from 'node:crypto';
import { derElements, readDer } from './der.ts';
import { x509 } from './x509.ts';

export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly';

/** One attribute of a distinguished name: `CN` (or the dotted OID where no short name is usual) and its value. */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

export type AlternativeName =
  | { readonly type: 'DNS' | 'URI' | 'email' | 'IP'; readonly value: string }
  | { readonly type: 'directoryName'; readonly name: readonly NameAttribute[] };

/** What a certificate says, read once; nothing in here is trusted yet. */
export interface Certificate {
  readonly der: Buffer;
  /** 1, 2 or 3. */
  readonly version: number;
  /** Unsigned; decimal as the signing process wants it, and lowercase hex padded to whole bytes. */
  readonly serial: string;
  readonly serialHex: string;
  /** In certificate order. */
  readonly subject: readonly NameAttribute[];
  readonly issuer: readonly NameAttribute[];
  /** As text, such as `CN=device-0001, O=Example`; for people. */
  readonly subjectText: string;
  readonly issuerText: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** basicConstraints; undefined where the extension is absent. */
  readonly isCa: boolean | undefined;
  /** undefined where the extension is absent. */
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /** Upper case hash of the signature algorithm (`SHA-256`, `SHA-1`, `MD5`), or undefined where it has none of its own (ML-DSA, Ed25519). */
  readonly signatureHash: string | undefined;
  readonly alternativeNames: readonly AlternativeName[];
  /** Undefined where the running Node cannot read such a key (ML-DSA before Node 24). */
  readonly publicKey: KeyObject | undefined;
  /** Lowercase hex SHA-256 of the DER. */
  readonly fingerprint: string;
  /** Subject equals issuer: a root, or somebody's self-signed leaf. */
  readonly selfIssued: boolean;
  /** Whether `issuer` signed this certificate: names match and the signature verifies. */
  readonly isIssuedBy: (issuer: Certificate) => boolean;
}

/**
 * Reads one DER certificate.
 *
 * @throws whatever the parser throws; callers know the file and say so.
 */
export function readCertificate(der: Buffer): Certificate {
  // OpenSSL first: it is the stricter parser, and hostile bytes do not slow it down.
  const native = new X509Certificate(der);
  const parsed = new x509.X509Certificate(der);
  const serialHex = evenLength(native.serialNumber.toLowerCase());
  return {
    der,
    version: versionOf(der),
    serial: BigInt(`0x${serialHex}`).toString(10),
    serialHex,
    subject: nameAttributes(parsed.subjectName),
    issuer: nameAttributes(parsed.issuerName),
    subjectText: parsed.subject,
    issuerText: parsed.issuer,
    notBefore: parsed.notBefore.getTime(),
    notAfter: parsed.notAfter.getTime(),
    isCa: parsed.getExtension(x509.BasicConstraintsExtension)?.ca,
    keyUsage: keyUsageOf(parsed),
    signatureHash: signatureHashOf(parsed.signatureAlgorithm),
    alternativeNames: alternativeNamesOf(parsed),
    publicKey: publicKeyOf(native),
    fingerprint: createHash('sha256').update(der).digest('hex'),
    selfIssued: parsed.subject === parsed.issuer,
    isIssuedBy: (issuer) => wasIssuedBy(native, issuer),
  };
}

function evenLength(hex: string): string {
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

/** RFC 5280 4.1: `TBSCertificate ::= SEQUENCE { version [0] EXPLICIT INTEGER DEFAULT v1, ...`; neither library tells it. */
function versionOf(der: Buffer): number {
  const [tbsCertificate] = derElements(readDer(der).content);
  const [version] = tbsCertificate ? derElements(tbsCertificate.content) : [];
  return version?.tag === 0xa0 ? readDer(version.content).content.readUInt8() + 1 : 1;
}

function nameAttributes(name: InstanceType<typeof x509.Name>): NameAttribute[] {
  return name
    .toJSON()
    .flatMap((relative) =>
      Object.entries(relative).flatMap(([type, values]) => values.map((value) => ({ type, value }))),
    );
}

/** RFC 5280 4.2.1.3, in bit order. */
const KEY_USAGES: readonly KeyUsage[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

function keyUsageOf(parsed: InstanceType<typeof x509.X509Certificate>): ReadonlySet<KeyUsage> | undefined {
  const extension = parsed.getExtension(x509.KeyUsagesExtension);
  if (!extension) return undefined;
  const usages: number = extension.usages;
  return new Set(KEY_USAGES.filter((_, bit) => (usages & (1 << bit)) !== 0));
}

/** Weak ones that @peculiar/x509 does not know and gives as OIDs (RFC 8017 A.2.4, RFC 5758 3.2). */
const OLD_SIGNATURES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'MD2',
  '1.2.840.113549.1.1.3': 'MD4',
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.14': 'SHA-224',
  '1.2.840.10045.4.3.1': 'SHA-224',
};

function signatureHashOf({
  name: oid,
  hash,
}: {
  readonly name?: unknown;
  readonly hash?: unknown;
}): string | undefined {
  if (hash === undefined) return OLD_SIGNATURES[String(oid)];
  const name = typeof hash === 'object' && hash !== null && 'name' in hash ? hash.name : hash;
  return typeof name === 'string' ? name.toUpperCase() : undefined;
}

const ALTERNATIVE_NAME_TYPES = { dns: 'DNS', url: 'URI', email: 'email', ip: 'IP' } as const;

function alternativeNamesOf(parsed: InstanceType<typeof x509.X509Certificate>): AlternativeName[] {
  const extension = parsed.getExtension(x509.SubjectAlternativeNameExtension);
  return (extension?.names.items ?? []).flatMap(({ type, value }): AlternativeName[] => {
    if (type === 'dn') return [{ type: 'directoryName', name: nameAttributes(new x509.Name(value)) }];
    return type in ALTERNATIVE_NAME_TYPES
      ? [{ type: ALTERNATIVE_NAME_TYPES[type as keyof typeof ALTERNATIVE_NAME_TYPES], value }]
      : [];
  });
}

function publicKeyOf(native: X509Certificate): KeyObject | undefined {
  try {
    return native.publicKey;
  } catch {
    return undefined;
  }
}

function wasIssuedBy(native: X509Certificate, issuer: Certificate): boolean {
  if (!issuer.publicKey || !native.checkIssued(new X509Certificate(issuer.der))) return false;
  try {
    return native.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
