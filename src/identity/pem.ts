import { identityError } from './identity-errors.ts';

/** One `-----BEGIN LABEL-----` block (RFC 7468). */
export interface PemBlock {
  readonly label: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** The lines between the boundaries, trimmed. */
  readonly body: readonly string[];
}

const BOUNDARY = /^-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----$/;

/**
 * Splits a file into its blocks. What stands between them (`Bag Attributes`, comments) is passed over, as RFC 7468 section 2 wants.
 *
 * Line by line on purpose: one regular expression over the whole text takes quadratic time on hostile files.
 */
export function pemBlocks(text: string, path: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: (PemBlock & { readonly body: string[] }) | undefined;
  for (const [index, untrimmed] of text.split(/\r\n|\n|\r/).entries()) {
    const line = untrimmed.trim();
    const [, edge, label = ''] = BOUNDARY.exec(line) ?? [];
    if (edge === undefined) open?.body.push(line);
    else if (edge === 'BEGIN' && !open) open = { label, line: index + 1, body: [] };
    else if (edge === 'END' && open?.label === label) {
      blocks.push(open);
      open = undefined;
    } else throw unfinished(path, open?.label ?? label, open?.line ?? index + 1);
  }
  if (open) throw unfinished(path, open.label, open.line);
  return blocks;
}

function unfinished(path: string, label: string, line: number): Error {
  return identityError('PEM_BLOCK_UNFINISHED', `${path}: the block ${label} on line ${line} has no proper end`);
}

/** The old OpenSSL encryption (RFC 1421 headers), where the body is no DER. */
export function isEncryptedPem({ body }: PemBlock): boolean {
  return body.some((line) => line.startsWith('Proc-Type:') && line.includes('ENCRYPTED'));
}

export function pemDer({ body }: PemBlock): Buffer {
  return Buffer.from(body.filter((line) => !line.includes(':')).join(''), 'base64');
}

export function pemText({ label, body }: PemBlock): string {
  return [`-----BEGIN ${label}-----`, ...body, `-----END ${label}-----`, ''].join('\n');
}
