// Distinguished names (RFC 5280 4.1.2.4), for people and for session tags.
import { isUtf8 } from 'node:buffer';
import { type DerElement, derElements, oidText, readDer, tags } from '../foundation/der.ts';

/**
 * One attribute of a distinguished name: `CN` (or the dotted OID if there is no usual short name)
 * and its value.
 */
export interface NameAttribute {
  readonly type: string;
  readonly value: string;
}

export interface DistinguishedName {
  /** In certificate order. */
  readonly attributes: readonly NameAttribute[];
  /** Such as `CN=device-0001, O=Example`: escaped as in RFC 4514, in certificate order. */
  readonly text: string;
}

/** `Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }` @throws Error */
export function readName(der: Buffer): DistinguishedName {
  const relativeNames = [...derElements(contentOf(der, tags.sequence))].map(attributesIn);
  return {
    attributes: relativeNames.flat().map(({ type, value }) => ({ type, value })),
    text: relativeNames.map((relative) => relative.map(attributeText).join('+')).join(', '),
  };
}

interface WrittenAttribute extends NameAttribute {
  /** The value is not text: it is shown as `#` and the hexadecimal digits of its DER. */
  readonly isHex: boolean;
}

function attributesIn({ tag, content }: DerElement): WrittenAttribute[] {
  if (tag !== tags.set) throw new Error('not a relative distinguished name');
  return [...derElements(content)].map((attribute) => {
    const [type, value] = derElements(attribute.content);
    if (type?.tag !== tags.oid || !value) throw new Error('not an attribute of a name');
    const oid = oidText(type.content);
    const text = TEXTS[value.tag]?.(value.content);
    const hex = attribute.content.subarray(type.size, type.size + value.size).toString('hex');
    return { type: SHORT_NAMES[oid] ?? oid, value: text ?? `#${hex}`, isHex: text === undefined };
  });
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'T',
  '2.5.4.42': 'G',
  '2.5.4.43': 'I',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'E',
};

/** DirectoryString and IA5String, by tag (X.680 8.6). */
const TEXTS: Readonly<Record<number, (content: Buffer) => string>> = {
  0x0c: utf8Text,
  0x13: latin1Text,
  0x14: latin1Text,
  0x16: latin1Text,
  0x1c: utf32Text,
  0x1e: utf16Text,
};

/** Some issuers write Latin-1 and label it UTF-8. */
function utf8Text(content: Buffer): string {
  return content.toString(isUtf8(content) ? 'utf8' : 'latin1');
}

function latin1Text(content: Buffer): string {
  return content.toString('latin1');
}

/** BMPString: two bytes per character, the high one first. */
function utf16Text(content: Buffer): string {
  return Buffer.from(content.subarray(0, content.length & ~1))
    .swap16()
    .toString('utf16le');
}

/** UniversalString: four bytes per character. */
function utf32Text(content: Buffer): string {
  const points = Array.from({ length: content.length >> 2 }, (_, index) => content.readUInt32BE(index * 4));
  return points.map((point) => (point > 0x10ffff ? '\uFFFD' : String.fromCodePoint(point))).join('');
}

function attributeText({ type, value, isHex }: WrittenAttribute): string {
  return `${type}=${isHex ? value : escaped(value)}`;
}

/** RFC 4514 2.4. */
function escaped(value: string): string {
  return value
    .replaceAll(/[,+"\\<>;]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ')
    .replaceAll(/[\r\n\t]/g, (control) => `\\${Buffer.from(control).toString('hex').toUpperCase()}`);
}

function contentOf(der: Buffer, wanted: number): Buffer {
  const { tag, content } = readDer(der);
  if (tag !== wanted) throw new Error('not a name');
  return content;
}
