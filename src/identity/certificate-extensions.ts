// The relevant extensions of RFC 5280 4.2.1.
import { isIPv4 } from 'node:net';
import { derElements, readDer, tags } from '../foundation/der.ts';
import { type Extension, integer } from './certificate-fields.ts';

export const extensionOids = {
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
} as const;

/**
 * The extensions that a relying party must know by RFC 5280 6.1. It rejects a certificate with any
 * other critical one.
 */
const PROCESSED: ReadonlySet<string> = new Set([
  ...Object.values(extensionOids),
  '2.5.29.30', // nameConstraints
  '2.5.29.32', // certificatePolicies
  '2.5.29.33', // policyMappings
  '2.5.29.36', // policyConstraints
  '2.5.29.37', // extKeyUsage
  '2.5.29.54', // inhibitAnyPolicy
  '2.5.29.31', // cRLDistributionPoints
  '2.5.29.14', // subjectKeyIdentifier
  '2.5.29.35', // authorityKeyIdentifier
]);

export function unknownCritical(extensions: readonly Extension[]): string[] {
  return extensions.filter(({ oid, critical }) => critical && !PROCESSED.has(oid)).map(({ oid }) => oid);
}

/** RFC 5280 4.2: "A certificate MUST NOT include more than one instance of a particular extension." */
export function duplicates(extensions: readonly Extension[]): string[] {
  const oids = extensions.map(({ oid }) => oid);
  return [...new Set(oids.filter((oid, index) => oids.indexOf(oid) !== index))];
}

/** 4.2.1.3, in bit order. */
const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

export type KeyUsage = (typeof KEY_USAGES)[number];

/**
 * A BIT STRING whose first byte is the number of unused bits at the end. The highest bit comes
 * first.
 */
export function keyUsageIn(value: Buffer): ReadonlySet<KeyUsage> {
  const { tag, content } = readDer(value);
  if (tag !== tags.bitString) throw new Error('its keyUsage cannot be read');
  const bits = content.subarray(1);
  return new Set(KEY_USAGES.filter((_, bit) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0));
}

export interface BasicConstraints {
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
}

/** `BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }` */
export function basicConstraintsIn(value: Buffer): BasicConstraints {
  const parts = [...derElements(readDer(value).content)];
  const length = parts.find(({ tag }) => tag === tags.integer);
  return {
    isCa: parts.some(({ tag, content }) => tag === 0x01 && content[0] !== 0),
    pathLength: length && Number(integer(length)),
  };
}

export type GeneralName =
  | { readonly type: 'DNS' | 'URI' | 'email' | 'IP'; readonly value: string }
  | { readonly type: 'directoryName'; /** DER of a Name. */ readonly name: Buffer };

const TEXT_NAMES: Readonly<Record<number, 'DNS' | 'URI' | 'email'>> = { 0x81: 'email', 0x82: 'DNS', 0x86: 'URI' };

/**
 * Skips other forms (otherName, x400Address, ediPartyName, registeredID), which are no session
 * tags.
 */
export function alternativeNamesIn(value: Buffer): GeneralName[] {
  return [...derElements(readDer(value).content)].flatMap(({ tag, content }): GeneralName[] => {
    const type = TEXT_NAMES[tag];
    if (type) return [{ type, value: content.toString('utf8') }];
    if (tag === 0xa4) return [{ type: 'directoryName', name: content }];
    return tag === 0x87 ? [{ type: 'IP', value: addressText(content) }] : [];
  });
}

function addressText(bytes: Buffer): string {
  const dotted = [...bytes].join('.');
  return isIPv4(dotted) ? dotted : (bytes.toString('hex').match(/.{1,4}/g) ?? []).join(':');
}
