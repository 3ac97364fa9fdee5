// The --cert-selector of aws_signing_helper, here for certificates on a token.

/** As in identity.pkcs11.certificate. */
export interface CertificateSelector {
  readonly subject?: string;
  readonly issuer?: string;
  /** Hexadecimal. */
  readonly serial?: string;
}

const KEYS: ReadonlyMap<string, keyof CertificateSelector> = new Map([
  ['x509Subject', 'subject'],
  ['x509Issuer', 'issuer'],
  ['x509Serial', 'serial'],
]);

/** The path, if the selector is in a file. */
export function selectorFile(written: string): string | undefined {
  return /^file:\/\/(?<path>.+)$/s.exec(written)?.groups?.['path'];
}

/**
 * `Key=x509Subject,Value=CN=device,O=Example Key=x509Serial,Value=0A`. The helper splits at every
 * space, so values with spaces work only here.
 *
 * @returns a text: the problem. It repeats no value.
 */
export function selectorFromText(written: string): CertificateSelector | string {
  const entries = written.trim().split(/\s+(?=Key=)/);
  const pairs = entries.map((entry) => /^Key=(?<Key>[^,]*),Value=(?<Value>.*)$/s.exec(entry)?.groups);
  return selectorOf(pairs, 'an entry is not of the form Key=x509Subject,Value=CN=device');
}

/**
 * `[{"Key":"x509Subject","Value":"CN=device,O=Example"}]`.
 *
 * @returns a text: the problem.
 */
export function selectorFromJson(content: string): CertificateSelector | string {
  const entries = listIn(content);
  if (!entries) return 'the file is not a list in JSON';
  return selectorOf(entries, 'an entry is not of the form {"Key":"x509Subject","Value":"CN=device"}');
}

function listIn(content: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(content);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function selectorOf(entries: readonly unknown[], malformed: string): CertificateSelector | string {
  let selector: CertificateSelector = {};
  for (const entry of entries) {
    if (!isEntry(entry)) return malformed;
    const key = KEYS.get(entry.Key);
    if (key === undefined) return `an entry has another Key than ${[...KEYS.keys()].join(', ')}`;
    if (key in selector) return `${entry.Key} is there twice`;
    selector = { ...selector, [key]: entry.Value.trim() };
  }
  return entries.length === 0 ? 'it has no entry' : selector;
}

function isEntry(entry: unknown): entry is { readonly Key: string; readonly Value: string } {
  const { Key, Value } = Object(entry) as { Key?: unknown; Value?: unknown };
  return typeof Key === 'string' && typeof Value === 'string';
}

/** All certificates on the token of a key, without the key's PIN. Undefined if it is not on a token. */
export function certificatesOnToken(key: string): string | undefined {
  const { path, query = '' } = /^pkcs11:(?<path>[^?]*)(?:\?(?<query>.*))?$/is.exec(key)?.groups ?? {};
  if (path === undefined) return undefined;
  const token = path.split(';').filter((each) => !/^(?:object|id|type)=/.test(each));
  const module = query.split('&').filter((each) => /^module-(?:path|name)=/.test(each));
  return `pkcs11:${token.join(';')}${module.length > 0 ? '?' : ''}${module.join('&')}`;
}
