// A small PKI for emulated accounts, tests and the demo. Not for production.
import { KeyObject, webcrypto } from 'node:crypto';
import type { NameAttribute } from '../../identity/distinguished-name.ts';
import { x509 } from './x509.ts';

export type KeyType = 'P-256' | 'P-384' | 'P-521' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096';

/** A certificate, its private key, and what is needed to issue with them. */
export interface Issued {
  readonly certificate: InstanceType<typeof x509.X509Certificate>;
  readonly keys: webcrypto.CryptoKeyPair;
  /** DER. */
  readonly der: Buffer;
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
}

interface CertificateRequest {
  readonly subject: readonly NameAttribute[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly keyType?: KeyType;
}

export interface AuthorityRequest extends CertificateRequest {
  /** How many CAs may be between this one and a leaf. */
  readonly pathLength?: number;
}

export interface LeafRequest extends CertificateRequest {
  readonly alternativeNames?: readonly { readonly type: 'dns' | 'url' | 'email'; readonly value: string }[];
}

/** A CA certificate: self-signed, or issued by `issuer`. */
export async function issueAuthority(request: AuthorityRequest, issuer?: Issued): Promise<Issued> {
  const { KeyUsageFlags } = x509;
  return issue(request, issuer, [
    new x509.BasicConstraintsExtension(true, request.pathLength, true),
    new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ]);
}

/**
 * A leaf that Roles Anywhere accepts: v3, no CA, digitalSignature. clientAuth is only a convention.
 */
export async function issueLeaf(request: LeafRequest, issuer: Issued): Promise<Issued> {
  const names = request.alternativeNames ?? [];
  return issue(request, issuer, [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension([...names])] : []),
  ]);
}

type Extension = InstanceType<typeof x509.Extension>;

async function issue(
  request: CertificateRequest,
  issuer: Issued | undefined,
  extensions: readonly Extension[],
): Promise<Issued> {
  const keys = await generateKeys(request.keyType ?? 'P-256');
  const signer = issuer?.keys ?? keys;
  const subject = nameOf(request.subject);
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer?.certificate.subjectName ?? subject,
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: { ...signer.privateKey.algorithm, hash: 'SHA-256' },
    notBefore: new Date(request.notBefore),
    notAfter: new Date(request.notAfter),
    extensions: [
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey),
    ],
  });
  return {
    certificate,
    keys,
    der: Buffer.from(certificate.rawData),
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function nameOf(attributes: readonly NameAttribute[]): InstanceType<typeof x509.Name> {
  return new x509.Name(attributes.map(({ type, value }) => ({ [type]: [value] })));
}

async function generateKeys(keyType: KeyType): Promise<webcrypto.CryptoKeyPair> {
  const usages = ['sign', 'verify'] as const;
  if (!keyType.startsWith('RSA-'))
    return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: keyType }, true, usages);
  const modulusLength = Number(keyType.slice('RSA-'.length));
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  return webcrypto.subtle.generateKey(algorithm, true, usages);
}
