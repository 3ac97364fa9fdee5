// PEM (RFC 7468) in practice: complete blocks are accepted in any layout; incomplete ones are
// rejected by name, never dropped.
import { identityError } from './identity-errors.ts';

/** One `-----BEGIN LABEL-----` block. */
export interface PemBlock {
  readonly label: string;
  /** Line where it starts, counted from 1. */
  readonly line: number;
  /** RFC 1421 headers, such as `Proc-Type: 4,ENCRYPTED`. */
  readonly headers: readonly string[];
  /** Without white space. */
  readonly base64: string;
}

/** A boundary anywhere: files are joined without a newline, and templates put a block on one line. */
const BOUNDARY = /-----(BEGIN|END) ([A-Z0-9 .#]{1,64})-----/g;

/** The rest of a boundary that was damaged, or written by a word processor. */
const DAMAGED_BOUNDARY = /[-\u2010-\u2015]{1,5} ?(?:BEGIN|END) [A-Z0-9 ]{0,48}(?:CERTIFICATE|KEY|PKCS|CRL)[^\n]{0,10}/i;

/**
 * Splits a file into its blocks. Skips text between them (`Bag Attributes`, comments), as RFC 7468
 * section 2 requires, and blocks that are commented out with `#`.
 *
 * @throws PEM_BLOCK_UNFINISHED, PEM_BLOCK_MALFORMED, PEM_LINE_BREAKS_ESCAPED
 */
export function pemBlocks(written: string, path: string): PemBlock[] {
  const text = written.replaceAll(/\r\n?/g, '\n').replaceAll(/^[^\S\n]*#.*/gm, '');
  const blocks: PemBlock[] = [];
  const lineAt = lineCounter(text);
  let open: { readonly label: string; readonly line: number; readonly start: number } | undefined;
  let closed = 0;
  for (const { 0: boundary, 1: edge, 2: label = '', index } of text.matchAll(BOUNDARY)) {
    const line = lineAt(index);
    if (!open) checkBetween(text.slice(closed, index), path, line);
    if (edge === 'BEGIN' && !open) {
      open = { label, line, start: index + boundary.length };
    } else if (edge === 'END' && open?.label === label) {
      blocks.push(blockOf(open, text.slice(open.start, index), path));
      open = undefined;
      closed = index + boundary.length;
    } else throw unfinished(path, open?.label ?? label, open?.line ?? line);
  }
  if (open) throw unfinished(path, open.label, open.line);
  checkBetween(text.slice(closed), path, lineAt(text.length));
  return blocks;
}

/** Continues at the last position, so that a file is counted only once. */
function lineCounter(text: string): (index: number) => number {
  let line = 1;
  let counted = 0;
  return (index) => {
    for (let next = text.indexOf('\n', counted); next !== -1 && next < index; next = text.indexOf('\n', counted)) {
      line += 1;
      counted = next + 1;
    }
    return line;
  };
}

function checkBetween(text: string, path: string, line: number): void {
  const [damaged] = DAMAGED_BOUNDARY.exec(text) ?? [];
  if (damaged === undefined) return;
  const what = `${path}: "${damaged.trim()}" above line ${line} is not a complete boundary: put BEGIN and END between five hyphens`;
  throw identityError('PEM_BLOCK_UNFINISHED', what);
}

function unfinished(path: string, label: string, line: number): Error {
  return identityError('PEM_BLOCK_UNFINISHED', `${path}: the block ${label} on line ${line} has no proper end`);
}

function blockOf(
  { label, line }: { readonly label: string; readonly line: number },
  body: string,
  path: string,
): PemBlock {
  const { headers, rest } = withoutHeaders(body);
  const base64 = rest.replaceAll(/\s/g, '');
  const fault = base64Fault(base64, headers);
  if (fault === undefined) return { label, line, headers, base64 };
  const what = `${path}: the block ${label} on line ${line} ${fault.what}`;
  throw identityError(fault.code, what);
}

/** Headers end at an empty line, which some omit. No line of base64 contains a colon. */
function withoutHeaders(body: string): { readonly headers: readonly string[]; readonly rest: string } {
  if (!body.includes(':')) return { headers: [], rest: body };
  const lines = body.split('\n').map((line) => line.trim());
  const first = lines.findIndex((line) => line !== '');
  const empty = lines.indexOf('', first);
  const end = empty === -1 || lines.slice(empty).every((line) => line === '') ? lastHeader(lines) + 1 : empty;
  return { headers: lines.slice(first, end), rest: lines.slice(end).join('') };
}

function lastHeader(lines: readonly string[]): number {
  return lines.findLastIndex((line) => line.includes(':'));
}

interface Base64Fault {
  readonly code: 'PEM_BLOCK_MALFORMED' | 'PEM_LINE_BREAKS_ESCAPED';
  readonly what: string;
}

function base64Fault(base64: string, headers: readonly string[]): Base64Fault | undefined {
  if ([...headers, base64].some((line) => /\\[nr]/.test(line)))
    return { code: 'PEM_LINE_BREAKS_ESCAPED', what: 'has its line breaks written as \\n, as in JSON or in quotes' };
  const fault = (what: string): Base64Fault => ({ code: 'PEM_BLOCK_MALFORMED', what });
  if (base64 === '')
    return fault(headers.length > 0 ? 'has nothing after its headers, which need lines of their own' : 'is empty');
  const [odd] = /[^A-Za-z0-9+/=]/u.exec(base64) ?? [];
  if (odd !== undefined) return fault(`is not base64: it has the character ${JSON.stringify(odd)}${inQuotes(odd)}`);
  if (/=[^=]/.test(base64))
    return fault('is not base64: it continues after its end, so another block may be joined to it');
  return base64.replace(/=+/, '').length % 4 === 1 ? fault('is not base64: a part of it is missing') : undefined;
}

function inQuotes(odd: string): string {
  return odd === '"' || odd === "'" || odd === ',' ? ', as text in JSON or in quotes has' : '';
}

/** The old OpenSSL encryption (RFC 1421 headers), whose body is not DER. */
export function isEncryptedPem({ headers }: PemBlock): boolean {
  return headers.some((line) => line.startsWith('Proc-Type:') && line.includes('ENCRYPTED'));
}

export function pemDer({ base64 }: PemBlock): Buffer {
  return Buffer.from(base64, 'base64');
}

/** The form that OpenSSL requires: lines of 64, and the headers before an empty line. */
export function pemText({ label, headers, base64 }: Pick<PemBlock, 'label' | 'headers' | 'base64'>): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  const head = headers.length > 0 ? [...headers, ''] : [];
  return [`-----BEGIN ${label}-----`, ...head, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** A block of PEM (RFC 7468), with its final line break. */
export function pemOf(label: string, der: Buffer): string {
  return pemText({ label, headers: [], base64: der.toString('base64') });
}
