/** The parsed, unverified claim of a Signature Version 4 caller. */
export interface SignatureClaim {
  readonly algorithm: string;
  readonly credential: Credential;
  /** Lower case, sorted, without duplicates. */
  readonly signedHeaders: readonly string[];
  /** Lower case hex. */
  readonly signature: string;
}

/** `ID/20261122/eu-west-1/rolesanywhere/aws4_request` */
export interface Credential {
  readonly id: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  /** Everything after the id. */
  readonly scope: string;
}

/**
 * Parses `ALGORITHM Credential=..., SignedHeaders=a;b, Signature=...`, with any spacing; undefined
 * if it is something else.
 */
export function parseAuthorization(value: string): SignatureClaim | undefined {
  const [, algorithm, rest] = /^\s*(\S+)\s+(.*)$/s.exec(value) ?? [];
  if (algorithm === undefined || rest === undefined) return undefined;
  const fields = parseFields(rest);
  return fields && claimOf(algorithm, fields);
}

/**
 * Builds a claim from its parts, from header or query; undefined if a part is missing or malformed.
 */
export function claimOf(algorithm: string, fields: ReadonlyMap<string, string>): SignatureClaim | undefined {
  const credential = parseCredential(fields.get('Credential') ?? '');
  const signedHeaders = parseSignedHeaders(fields.get('SignedHeaders') ?? '');
  const signature = fields.get('Signature') ?? '';
  if (!credential || !signedHeaders || !/^(?:[0-9a-f]{2})+$/.test(signature)) return undefined;
  return { algorithm, credential, signedHeaders, signature };
}

/** Exactly the three fields, once each, in any order. */
function parseFields(text: string): Map<string, string> | undefined {
  const pairs = text.split(',').map((part) => /^\s*(\w+)\s*=\s*(.*?)\s*$/s.exec(part));
  const fields = new Map(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
  return pairs.length === 3 && fields.size === 3 ? fields : undefined;
}

function parseCredential(text: string): Credential | undefined {
  const [id, date, region, service, terminator, ...more] = text.split('/');
  if (!id || !date || !region || !service || terminator !== 'aws4_request' || more.length > 0) return undefined;
  return { id, date, region, service, scope: text.slice(id.length + 1) };
}

function parseSignedHeaders(text: string): string[] | undefined {
  const names = text.split(';');
  const canonical = [...new Set(names.map((name) => name.toLowerCase()))].sort().join(';');
  return text !== '' && canonical === text ? names : undefined;
}
