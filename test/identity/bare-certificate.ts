import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Certificate } from '../../src/identity/certificate.ts';

// Certificates without DER, for rules about what a certificate says.

export const NOW = 1_000_000_000_000;
export const KEY = newKey();

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
}

let count = 0;

/** `name<issuer`; equal names are equal keys. */
export function certificate(path: string, more: Partial<Certificate> = {}): Certificate {
  const [subjectText = '', issuerText = ''] = path.split('<');
  count += 1;
  return {
    der: Buffer.from(`${count}`),
    fingerprint: `${count}`,
    version: 3,
    serial: `${count}`,
    serialHex: `${count}`,
    subject: [],
    issuer: [],
    subjectText,
    issuerText,
    notBefore: NOW - 1_000,
    notAfter: NOW + 1_000,
    isCa: true,
    pathLength: undefined,
    keyUsage: undefined,
    signatureHash: 'SHA-256',
    alternativeNames: [],
    duplicateExtensions: [],
    unknownCriticalExtensions: [],
    publicKey: KEY,
    selfIssued: subjectText === issuerText,
    isSelfSigned: () => subjectText === issuerText,
    isIssuedBy: (issuer) => issuer.subjectText === issuerText,
    ...more,
  };
}
