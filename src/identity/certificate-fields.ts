// The raw fields of an X.509 certificate (RFC 5280 4.1), even if its issuer deviated from the
// standard: times without seconds or with an offset, negative serial numbers, rare forms of names.
// Each error names the field.
import { type DerElement, derElements, oidText, readDer, tags } from '../foundation/der.ts';

export interface Extension {
  /** In dotted form. */
  readonly oid: string;
  readonly critical: boolean;
  /** The content of its OCTET STRING. */
  readonly value: Buffer;
}

export interface CertificateFields {
  /** 1, 2 or 3. */
  readonly version: number;
  readonly serial: bigint;
  /** From `signatureAlgorithm`: its AlgorithmIdentifier, without the outer SEQUENCE. */
  readonly signatureAlgorithm: Buffer;
  /** DER of a Name. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /**
   * A time has no seconds. OpenSSL before 3.5 accepts such certificates, later versions reject
   * them.
   */
  readonly hasShortTime: boolean;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Buffer;
  readonly extensions: readonly Extension[];
  /** The signed part. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** @throws Error that names the unreadable field. */
export function certificateFields(der: Buffer): CertificateFields {
  const outer = readDer(der);
  const more = der.length - outer.size;
  if (more > 0) throw new Error(`${more} bytes follow it`);
  const [tbs, signatureAlgorithm, signature] = elementsWithBytes(outer.content);
  if (!tbs || !signatureAlgorithm || !signature) throw new Error('it is not a certificate');
  const all = [...elementsWithBytes(tbs.content)];
  const [first] = all;
  const version = first?.tag === 0xa0 ? readDer(first.content).content.readUInt8() + 1 : 1;
  const [serial, , issuer, validity, subject, publicKeyInfo, ...optional] = first?.tag === 0xa0 ? all.slice(1) : all;
  if (!serial || !issuer || !validity || !subject || !publicKeyInfo) throw new Error('it lacks required fields');
  const [from, to] = derElements(validity.content);
  const [notBefore, notAfter] = [field('begin', () => time(from)), field('end', () => time(to))];
  return {
    version,
    serial: field('serial number', () => integer(serial)),
    signatureAlgorithm: signatureAlgorithm.content,
    issuer: issuer.bytes,
    subject: subject.bytes,
    notBefore: notBefore.at,
    notAfter: notAfter.at,
    hasShortTime: notBefore.isShort || notAfter.isShort,
    publicKeyInfo: publicKeyInfo.bytes,
    extensions: field('extensions', () => extensionsIn(optional.find(({ tag }) => tag === 0xa3))),
    signed: tbs.bytes,
    // A BIT STRING starts with the number of unused bits.
    signature: signature.content.subarray(1),
  };
}

interface WholeElement extends DerElement {
  /** With tag and length. */
  readonly bytes: Buffer;
}

function* elementsWithBytes(content: Buffer): Generator<WholeElement> {
  let start = 0;
  for (const element of derElements(content)) {
    yield { ...element, bytes: content.subarray(start, start + element.size) };
    start += element.size;
  }
}

function field<Value>(name: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new Error(`its ${name} cannot be read`, { cause: error });
  }
}

/** Two's complement: the first bit is the sign. */
export function integer({ tag, content }: DerElement): bigint {
  if (tag !== tags.integer) throw new Error('no INTEGER');
  return BigInt.asIntN(content.length * 8, BigInt(`0x${content.toString('hex')}`));
}

const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const REST = String.raw`(?:[.,]\d+)?(Z|[+-]\d{4})?$`;
/** Tag -> the text of such a time, up to the hour, the minute or the second: the year has two or four digits. */
const TIMES: Readonly<Record<number, RegExp>> = {
  [UTC_TIME]: new RegExp(String.raw`^((?:\d\d){4,6})${REST}`),
  [GENERALIZED_TIME]: new RegExp(String.raw`^((?:\d\d){5,7})${REST}`),
};

interface Time {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly isShort: boolean;
}

/** X.680 allows more than RFC 5280 4.1.2.5, and OpenSSL accepts it. */
function time(element: DerElement | undefined): Time {
  const [, written, zone = 'Z'] = (element && TIMES[element.tag]?.exec(element.content.toString('latin1'))) ?? [];
  if (written === undefined) throw new Error('not a time in the form of X.680');
  const digits = element?.tag === UTC_TIME ? `${Number(written.slice(0, 2)) < 50 ? 20 : 19}${written}` : written;
  const iso8601 = digits.padEnd(14, '0').replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6');
  const at = Date.parse(iso8601 + iso8601Zone(zone));
  if (Number.isNaN(at)) throw new Error('no such time');
  return { at, isShort: digits.length < 14 };
}

function iso8601Zone(zone: string): string {
  return zone === 'Z' ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
}

/** `Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }` */
function extensionsIn(wrapper: DerElement | undefined): Extension[] {
  if (!wrapper) return [];
  return [...derElements(readDer(wrapper.content).content)].map(({ content }) => {
    const parts = [...derElements(content)];
    const [id] = parts;
    const value = parts.at(-1);
    if (id?.tag !== tags.oid || value?.tag !== tags.octetString) throw new Error('not an extension');
    return {
      oid: oidText(id.content),
      critical: parts.length === 3 && parts[1]?.content[0] !== 0,
      value: value.content,
    };
  });
}
