/**
 * A PKI in memory, for every room's tests: keys by node:crypto, certificates by @peculiar/x509.
 *
 *     const root = await makeAuthority();
 *     const intermediate = await root.subordinate('Intermediate');
 *     const device = await intermediate.issue({ subject: 'CN=device-0001' });
 *     writeFileSync(path, device.certificatePem + device.keyPem);
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import { x509 } from '../../src/emulator/account/x509.ts';

export type KeyKind = 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'P-256' | 'P-384' | 'P-521';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** A certificate and its private key, in the forms that tests write to disk. */
export interface Issued {
  readonly certificateDer: Buffer;
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
  /** PKCS#8. */
  readonly keyPem: string;
}

export interface Authority extends Issued {
  /** Issues an end-entity certificate that Roles Anywhere accepts by default. */
  readonly issue: (options?: LeafOptions) => Promise<Issued>;
  /** Issues a CA certificate. */
  readonly subordinate: (name: string, options?: AuthorityOptions) => Promise<Authority>;
}

export type KeyUsageName = 'digitalSignature' | 'nonRepudiation' | 'keyEncipherment' | 'keyCertSign' | 'cRLSign';

export interface Validity {
  /** Milliseconds since the epoch, whole seconds. Default: 2025-01-01. */
  readonly notBefore?: number;
  /** Milliseconds since the epoch, whole seconds. Default: 2045-01-01. */
  readonly notAfter?: number;
}

export interface AuthorityOptions extends Validity {
  /** Default: P-256. */
  readonly keys?: KeyPair;
}

export interface LeafOptions extends Validity {
  /** Default: `CN=device-0001,O=Example`. May be empty. */
  readonly subject?: string;
  /**
   * Creates a key of this kind (default: P-256), or certifies the given pair of any kind that Node
   * can export.
   */
  readonly keys?: KeyKind | KeyPair;
  /** Hex. Default: 16 random bytes. */
  readonly serial?: string;
  /** Default: digitalSignature. `none` leaves the extension out. */
  readonly keyUsage?: readonly KeyUsageName[] | 'none';
  /** basicConstraints. Default: none. */
  readonly ca?: boolean;
  /** Hash of the issuer's signature. Default: SHA-256. */
  readonly hash?: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';
  readonly alternativeNames?: readonly { readonly type: 'dns' | 'url' | 'email' | 'ip'; readonly value: string }[];
}

/** A self-signed CA. */
export async function makeAuthority(name = 'Root', options: AuthorityOptions = {}): Promise<Authority> {
  const keys = options.keys ?? makeKeys('P-256');
  const issuer = { name: authorityName(name), keys };
  return authority(issuer, await authorityCertificate(issuer, issuer, options));
}

/** A CA from its files, such as one of an emulated account. */
export function authorityFrom({ certificatePem, keyPem }: Pick<Issued, 'certificatePem' | 'keyPem'>): Authority {
  const certificate = new x509.X509Certificate(certificatePem);
  return authority({ name: certificate.subject, keys: pairFrom(keyPem) }, Buffer.from(certificate.rawData));
}

export function pairFrom(keyPem: string): KeyPair {
  return { privateKey: createPrivateKey(keyPem), publicKey: createPublicKey(keyPem) };
}

export function makeKeys(kind: KeyKind): KeyPair {
  return kind.startsWith('RSA-')
    ? generateKeyPairSync('rsa', { modulusLength: Number(kind.slice(4)) })
    : generateKeyPairSync('ec', { namedCurve: kind });
}

export function pem(der: Buffer, label = 'CERTIFICATE'): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

interface Party {
  readonly name: string;
  readonly keys: KeyPair;
}

function authority(self: Party, der: Buffer): Authority {
  return {
    ...issued(der, self.keys),
    issue: (options = {}) => issueLeaf(self, options),
    subordinate: async (name, options = {}) => {
      const subordinate = { name: authorityName(name), keys: options.keys ?? makeKeys('P-256') };
      return authority(subordinate, await authorityCertificate(self, subordinate, options));
    },
  };
}

async function issueLeaf(issuer: Party, options: LeafOptions): Promise<Issued> {
  const { keys = 'P-256', keyUsage = ['digitalSignature'], subject = 'CN=device-0001,O=Example' } = options;
  const pair = typeof keys === 'string' ? makeKeys(keys) : keys;
  const extensions = [
    ...(options.ca === undefined ? [] : [new x509.BasicConstraintsExtension(options.ca, undefined, true)]),
    ...(keyUsage === 'none' ? [] : [keyUsages(keyUsage)]),
    ...(options.alternativeNames ? [new x509.SubjectAlternativeNameExtension([...options.alternativeNames])] : []),
  ];
  return issued(await certify(issuer, { name: subject, keys: pair }, extensions, options), pair);
}

function authorityCertificate(issuer: Party, subject: Party, validity: Validity): Promise<Buffer> {
  const extensions = [new x509.BasicConstraintsExtension(true, undefined, true), keyUsages(['keyCertSign', 'cRLSign'])];
  return certify(issuer, subject, extensions, validity);
}

function keyUsages(names: readonly KeyUsageName[]): InstanceType<typeof x509.Extension> {
  const bits = names.map((name) => x509.KeyUsageFlags[name]).reduce((sum, bit) => sum | bit);
  return new x509.KeyUsagesExtension(bits, true);
}

async function certify(
  issuer: Party,
  subject: Party,
  extensions: InstanceType<typeof x509.Extension>[],
  { serial, notBefore, notAfter, hash = 'SHA-256' }: Pick<LeafOptions, 'serial' | 'notBefore' | 'notAfter' | 'hash'>,
): Promise<Buffer> {
  const publicKey = subject.keys.publicKey.export({ format: 'der', type: 'spki' });
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial ?? `5a${randomBytes(15).toString('hex')}`,
    subject: subject.name,
    issuer: issuer.name,
    notBefore: new Date(notBefore ?? Date.UTC(2025, 0, 1)),
    notAfter: new Date(notAfter ?? Date.UTC(2045, 0, 1)),
    publicKey,
    signingKey: await signingKey(issuer.keys.privateKey, hash),
    signingAlgorithm: { ...keyAlgorithm(issuer.keys.privateKey), hash },
    extensions: [...extensions, await x509.SubjectKeyIdentifierExtension.create(publicKey)],
  });
  return Buffer.from(certificate.rawData);
}

function signingKey(key: KeyObject, hash: string): Promise<webcrypto.CryptoKey> {
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', pkcs8, { ...keyAlgorithm(key), hash }, true, ['sign']);
}

const WEB_CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

function keyAlgorithm({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): { name: string; namedCurve: string } {
  const namedCurve = WEB_CURVES[asymmetricKeyDetails?.namedCurve ?? ''] ?? '';
  return { name: asymmetricKeyType === 'rsa' ? 'RSASSA-PKCS1-v1_5' : 'ECDSA', namedCurve };
}

function authorityName(name: string): string {
  return `CN=${name},O=Example PKI`;
}

function issued(certificateDer: Buffer, { privateKey }: KeyPair): Issued {
  return {
    certificateDer,
    certificatePem: pem(certificateDer),
    privateKey,
    keyPem: pem(privateKey.export({ format: 'der', type: 'pkcs8' }), 'PRIVATE KEY'),
  };
}
