/**
 * Parses a distinguished name: RFC 4514 (`CN=device,O=Example`, the last part first in the
 * certificate), or the form of `openssl req -subj` (`/O=Example/CN=device`, in the order of the
 * certificate).
 */
import { der, isDer, oidContent, readDer, tags } from '../foundation/der.ts';
import { identityError } from './identity-errors.ts';

const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;
const IA5_STRING = 0x16;

/** By the names of RFC 4514, RFC 4519 and OpenSSL, in lower case. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  cn: '2.5.4.3',
  commonname: '2.5.4.3',
  sn: '2.5.4.4',
  surname: '2.5.4.4',
  serialnumber: '2.5.4.5',
  c: '2.5.4.6',
  countryname: '2.5.4.6',
  l: '2.5.4.7',
  localityname: '2.5.4.7',
  st: '2.5.4.8',
  stateorprovincename: '2.5.4.8',
  street: '2.5.4.9',
  streetaddress: '2.5.4.9',
  o: '2.5.4.10',
  organizationname: '2.5.4.10',
  ou: '2.5.4.11',
  organizationalunitname: '2.5.4.11',
  title: '2.5.4.12',
  t: '2.5.4.12',
  description: '2.5.4.13',
  businesscategory: '2.5.4.15',
  postalcode: '2.5.4.17',
  name: '2.5.4.41',
  gn: '2.5.4.42',
  g: '2.5.4.42',
  givenname: '2.5.4.42',
  initials: '2.5.4.43',
  i: '2.5.4.43',
  generationqualifier: '2.5.4.44',
  dnqualifier: '2.5.4.46',
  pseudonym: '2.5.4.65',
  organizationidentifier: '2.5.4.97',
  uid: '0.9.2342.19200300.100.1.1',
  userid: '0.9.2342.19200300.100.1.1',
  dc: '0.9.2342.19200300.100.1.25',
  domaincomponent: '0.9.2342.19200300.100.1.25',
  e: '1.2.840.113549.1.9.1',
  emailaddress: '1.2.840.113549.1.9.1',
};

/** RFC 5280 appendix A: all others are DirectoryString, which should be UTF8String. */
const STRING_TYPES: Readonly<Record<string, number>> = {
  '2.5.4.5': PRINTABLE_STRING,
  '2.5.4.6': PRINTABLE_STRING,
  '2.5.4.46': PRINTABLE_STRING,
  '0.9.2342.19200300.100.1.25': IA5_STRING,
  '1.2.840.113549.1.9.1': IA5_STRING,
};

const ALLOWED: Readonly<Record<number, RegExp>> = {
  [UTF8_STRING]: /^[^\0]+$/su,
  [PRINTABLE_STRING]: /^[A-Za-z0-9 '()+,./:=?-]+$/,
  [IA5_STRING]: /^[\x20-\x7e]+$/,
};

/**
 * DER of a Name.
 *
 * @throws SUBJECT_MALFORMED
 */
export function nameFromText(text: string): Buffer {
  const parts = text.startsWith('/') ? split(text.slice(1), '/') : split(text, ',').toReversed();
  return der(tags.sequence, ...parts.map(relativeName));
}

/** One RDN: a SET, in DER's order, of one attribute or of several joined by `+`. */
function relativeName(text: string): Buffer {
  return der(
    tags.set,
    ...split(text, '+')
      .map(attribute)
      .toSorted((left, right) => left.compare(right)),
  );
}

function attribute(text: string): Buffer {
  const { type, written } = /^\s*(?<type>[A-Za-z][\w-]*|\d(?:\.\d+)+)\s*=(?<written>.*)/su.exec(text)?.groups ?? {};
  if (type === undefined || written === undefined)
    throw malformed(`"${text}" is not a name, an equals sign and a value, such as CN=device-0001`);
  const oid = /^\d/.test(type) ? type : ATTRIBUTES[type.toLowerCase()];
  if (oid === undefined || !/^(?:[01]\.[1-3]?\d|2\.\d+)(?:\.\d+)*$/.test(oid))
    throw malformed(`${type} is no attribute that is known; give its OID, as in 2.5.4.3=device-0001`);
  return der(
    tags.sequence,
    der(tags.oid, oidContent(oid)),
    hexValue(written) ?? stringValue(type, oid, unescaped(written)),
  );
}

/** RFC 4514 section 2.4: the DER of a value of any type. */
function hexValue(written: string): Buffer | undefined {
  const [, hex] = /^\s*#((?:[0-9A-Fa-f]{2})+)\s*$/.exec(written) ?? [];
  if (hex === undefined && /^\s*#/.test(written))
    throw malformed('a # at the begin of a text needs a backslash before it');
  if (hex === undefined) return undefined;
  const bytes = Buffer.from(hex, 'hex');
  if (isDer(bytes) && readDer(bytes).size === bytes.length) return bytes;
  throw malformed(`#${hex} is not the DER of a value`);
}

function stringValue(type: string, oid: string, value: string): Buffer {
  const stringType = STRING_TYPES[oid] ?? UTF8_STRING;
  if (value === '') throw malformed(`${type} is empty`);
  if (!ALLOWED[stringType]?.test(value)) throw malformed(`${type} has a character that it cannot have`);
  if (oid === ATTRIBUTES['c'] && !/^[A-Za-z]{2}$/.test(value)) throw malformed(`${type} must have two letters`);
  return der(stringType, Buffer.from(value));
}

/** Splits at separators that are neither escaped nor in quotes (RFC 2253, which some still use). */
function split(text: string, separator: string): string[] {
  const parts = [''];
  let isQuoted = false;
  for (const [token] of text.matchAll(/\\.|./gsu)) {
    if (token === '"') isQuoted = !isQuoted;
    if (token === separator && !isQuoted) parts.push('');
    else parts.push((parts.pop() ?? '') + token);
  }
  if (isQuoted) throw malformed('a quotation mark is not closed');
  return parts;
}

/** White space around a value is ignored unless escaped. Hexadecimal pairs are bytes of UTF-8. */
function unescaped(written: string): string {
  const bytes: Buffer[] = [];
  const trimmed = /^\s*(?<value>(?:\\.|[^\\])*?)\s*$/su.exec(written)?.groups?.['value'];
  if (trimmed === undefined) throw malformed(`"${written}" ends with a backslash`);
  const value = /^".*"$/su.test(trimmed) ? trimmed.slice(1, -1) : trimmed;
  for (const [token] of value.matchAll(/\\[0-9A-Fa-f]{2}|\\.|./gsu))
    bytes.push(
      /\\[0-9A-Fa-f]{2}/.test(token) ? Buffer.from(token.slice(1), 'hex') : Buffer.from(token.replace('\\', '')),
    );
  return utf8(Buffer.concat(bytes));
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed('a value is not UTF-8');
  }
}

function malformed(what: string): Error {
  return identityError('SUBJECT_MALFORMED', `the subject cannot be read: ${what}`);
}
