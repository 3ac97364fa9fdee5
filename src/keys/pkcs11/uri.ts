// PKCS#11 URIs (RFC 7512).

/** The attributes of a URI. Absent ones match anything. */
export interface Pkcs11Uri {
  readonly token?: string;
  readonly manufacturer?: string;
  readonly serial?: string;
  readonly model?: string;
  readonly object?: string;
  readonly type?: ObjectType;
  readonly id?: Buffer;
  readonly slotId?: bigint;
  readonly slotDescription?: string;
  readonly slotManufacturer?: string;
  readonly pinSource?: string;
  readonly pinValue?: string;
  readonly modulePath?: string;
  readonly moduleName?: string;
}

type ObjectType = 'public' | 'cert' | 'private' | 'secret-key' | 'data';

export type UriParse =
  | { readonly ok: true; readonly uri: Pkcs11Uri }
  /**
   * `fault` completes "… must be a PKCS#11 URI; …". It repeats no value, because that may be a PIN.
   */
  | { readonly ok: false; readonly fault: string };

const TYPES: ReadonlySet<string> = new Set(['public', 'cert', 'private', 'secret-key', 'data']);

type TextAttribute = Exclude<keyof Pkcs11Uri, 'type' | 'id' | 'slotId'>;

const PATH_TEXTS: Readonly<Record<string, TextAttribute>> = {
  token: 'token',
  manufacturer: 'manufacturer',
  serial: 'serial',
  model: 'model',
  object: 'object',
  'slot-description': 'slotDescription',
  'slot-manufacturer': 'slotManufacturer',
};

const QUERY_TEXTS: Readonly<Record<string, TextAttribute>> = {
  'pin-source': 'pinSource',
  'pin-value': 'pinValue',
  'module-path': 'modulePath',
  'module-name': 'moduleName',
};

/** The module decides about the library version, so there is nothing to match. */
const PASSED_OVER = /^(?:library-(?:manufacturer|description|version)|x-[\w-]+)$/;

/** @param text - starts with `pkcs11:`. */
export function parsePkcs11Uri(text: string): UriParse {
  const [path = '', ...query] = text.slice('pkcs11:'.length).split('?');
  const attributes = [...split(path, ';', 'path'), ...split(query.join('?'), '&', 'query')];
  const names = attributes.map(({ name }) => name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) return fault(`it has the attribute ${printableName(repeated)} twice`);
  let uri: Pkcs11Uri = {};
  for (const attribute of attributes) {
    const meaning = meaningOf(attribute);
    if (typeof meaning === 'string') return fault(meaning);
    uri = { ...uri, ...meaning };
  }
  return { ok: true, uri };
}

function fault(text: string): UriParse {
  return { ok: false, fault: text };
}

interface Attribute {
  readonly name: string;
  readonly value: string | undefined;
  readonly where: 'path' | 'query';
}

function split(text: string, separator: string, where: Attribute['where']): Attribute[] {
  if (text === '') return [];
  return text.split(separator).map((part) => {
    const at = part.indexOf('=');
    return at < 0
      ? { name: part, value: undefined, where }
      : { name: part.slice(0, at), value: part.slice(at + 1), where };
  });
}

/** The effect of an attribute, or its problem. */
function meaningOf({ name, value, where }: Attribute): Pkcs11Uri | string {
  if (value === undefined) return name === '' ? 'an attribute is empty' : 'an attribute has no "="';
  const bytes = percentDecoded(value);
  if (!bytes) return `the value of ${printableName(name)} has a character that must be written as % and two digits`;
  const text = bytes.toString('utf8');
  const textName = (where === 'path' ? PATH_TEXTS : QUERY_TEXTS)[name];
  if (textName !== undefined) return { [textName]: text };
  if (where === 'path' && name === 'id') return { id: bytes };
  if (where === 'path' && name === 'type')
    return TYPES.has(text) ? { type: text as ObjectType } : 'type is one of cert, private, public, secret-key, data';
  if (where === 'path' && name === 'slot-id')
    return /^\d{1,19}$/.test(text) ? { slotId: BigInt(text) } : 'slot-id is a decimal number';
  return PASSED_OVER.test(name) ? {} : `the attribute ${printableName(name)} is unknown in the ${where}`;
}

/** RFC 7512 2.3: unescaped characters; "&" only in the path, "/", "?" and "|" only in the query. */
const PLAIN = /^(?:[\w\-.~:[\]@!$'()*+,=&/?|]|%[0-9A-Fa-f]{2})*$/;

function percentDecoded(value: string): Buffer | undefined {
  if (!PLAIN.test(value)) return undefined;
  const parts = value.match(/%[0-9A-Fa-f]{2}|[^%]/g) ?? [];
  return Buffer.from(parts.map((part) => (part.length === 1 ? part.charCodeAt(0) : parseInt(part.slice(1), 16))));
}

/** A name may be a part of an unescaped PIN. */
function printableName(name: string): string {
  return /^[a-z][a-z-]{0,24}$/.test(name) ? `"${name}"` : 'in it';
}
