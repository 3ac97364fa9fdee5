/**
 * Verifies what is signed of a body while it passes: its hash, or the signature of each part of a
 * chunked one. S3 API, "Signature Calculations: Transferring Payload in Multiple Chunks".
 */
import { createHash, type Hash } from 'node:crypto';
import { Transform } from 'node:stream';
import { sha256Hex } from '../signature/canonical-request.ts';
import { equal, hmac, type VerifiedSignature } from '../signature/hmac-authorization.ts';
import { StsError } from '../sts-answer.ts';

/** Sees each piece of a body. Both throw a StsError if it is not what was signed. */
interface PayloadCheck {
  readonly take: (piece: Buffer) => void;
  readonly end: () => void;
}

const SIGNED_PARTS = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const UNSIGNED = new Set(['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']);

/**
 * @param declared - the value of x-amz-content-sha256.
 * @throws StsError for a form of payload that S3 does not have.
 */
export function checkedPayload(declared: string, signature: VerifiedSignature): Transform {
  if (UNSIGNED.has(declared)) return passing({ take: () => undefined, end: () => undefined });
  if (/^[0-9a-f]{64}$/.test(declared)) return passing(new WholeHash(declared));
  if (declared === SIGNED_PARTS || declared === `${SIGNED_PARTS}-TRAILER`) return passing(new SignedParts(signature));
  const message =
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.';
  throw new StsError('InvalidArgument', 400, message, `it is ${declared === '' ? 'missing' : declared}`);
}

/** Holds one piece back until the end is verified. Then no backend takes an altered body for a whole one. */
function passing(check: PayloadCheck): Transform {
  let held: Buffer | undefined;
  return new Transform({
    transform(piece: Buffer, _, done) {
      const passed = held;
      held = piece;
      done(
        failureOf(() => {
          check.take(piece);
        }),
        passed,
      );
    },
    flush(done) {
      done(failureOf(check.end), held);
    },
  });
}

function failureOf(action: () => void): Error | null {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

class WholeHash implements PayloadCheck {
  readonly #declared: string;
  readonly #hash = createHash('sha256');

  constructor(declared: string) {
    this.#declared = declared;
  }

  readonly take = (piece: Buffer): void => {
    this.#hash.update(piece);
  };

  readonly end = (): void => {
    const actual = this.#hash.digest('hex');
    if (actual === this.#declared) return;
    const message = 'The provided x-amz-content-sha256 header does not match what was computed.';
    throw new StsError('XAmzContentSHA256Mismatch', 400, message, `it is ${this.#declared} and not ${actual}`);
  };
}

const LONGEST_LINE = 4096;

/**
 * `SIZE;chunk-signature=HEX`, that many bytes, and so on up to a part of size 0. Then there may be
 * trailing headers with a signature of their own.
 */
class SignedParts implements PayloadCheck {
  readonly #verified: VerifiedSignature;
  #previous: string;
  #line = '';
  #state: 'part' | 'bytes' | 'end of part' | 'trailer' | 'over' = 'part';
  #left = 0;
  #claimed = '';
  #hash: Hash = createHash('sha256');
  #trailer = '';

  constructor(verified: VerifiedSignature) {
    this.#verified = verified;
    this.#previous = verified.signature;
  }

  readonly take = (piece: Buffer): void => {
    let at = 0;
    while (at < piece.length) at = this.#state === 'bytes' ? this.#takeBytes(piece, at) : this.#takeLine(piece, at);
  };

  readonly end = (): void => {
    if (this.#state !== 'over') throw incomplete('it ended before the last part');
  };

  #takeBytes(piece: Buffer, at: number): number {
    const bytes = piece.subarray(at, at + this.#left);
    this.#hash.update(bytes);
    this.#left -= bytes.length;
    if (this.#left === 0) this.#endPart('end of part');
    return at + bytes.length;
  }

  #takeLine(piece: Buffer, at: number): number {
    const end = piece.indexOf('\n', at);
    this.#line += piece.subarray(at, end === -1 ? undefined : end + 1).toString('latin1');
    if (this.#line.length > LONGEST_LINE) throw incomplete('a line is too long');
    if (end === -1) return piece.length;
    const line = this.#line.replace(/\r?\n$/, '');
    this.#line = '';
    this.#readLine(line);
    return end + 1;
  }

  #readLine(line: string): void {
    if (this.#state === 'part') {
      this.#startPart(line);
      return;
    }
    if (this.#state === 'trailer') {
      this.#readTrailer(line);
      return;
    }
    if (line !== '') throw incomplete(`there is more after the ${this.#state}`);
    if (this.#state === 'end of part') this.#state = 'part';
  }

  #startPart(line: string): void {
    const [, size = '', signature = ''] = /^([0-9a-f]{1,8});chunk-signature=([0-9a-f]{64})$/i.exec(line) ?? [];
    if (signature === '') throw incomplete('a part has no size and signature');
    this.#left = parseInt(size, 16);
    this.#claimed = signature;
    this.#hash = createHash('sha256');
    if (this.#left === 0) this.#endPart('trailer');
    else this.#state = 'bytes';
  }

  #endPart(next: 'end of part' | 'trailer'): void {
    this.#require(this.#claimed, 'PAYLOAD', `${sha256Hex(Buffer.alloc(0))}\n${this.#hash.digest('hex')}`);
    this.#state = next;
  }

  /** Without trailing headers, only an empty line. */
  #readTrailer(line: string): void {
    const [, signature] = /^x-amz-trailer-signature:\s*([0-9a-f]{64})$/i.exec(line) ?? [];
    if (signature !== undefined) {
      this.#require(signature, 'TRAILER', sha256Hex(Buffer.from(this.#trailer, 'latin1')));
      this.#trailer = '';
    } else if (line !== '') this.#trailer += `${line.replace(/\s*:\s*/, ':')}\n`;
    else if (this.#trailer === '') this.#state = 'over';
    else throw incomplete('the trailing headers have no signature');
  }

  #require(claimed: string, kind: string, hashes: string): void {
    const { date, scope, key } = this.#verified;
    const text = [`AWS4-HMAC-SHA256-${kind}`, date, scope, this.#previous, hashes].join('\n');
    const expected = hmac(key, text).toString('hex');
    if (!equal(expected, claimed.toLowerCase())) throw incomplete('a part was changed, or signed with another key');
    this.#previous = expected;
  }
}

function incomplete(detail: string): StsError {
  const message =
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.';
  return new StsError('SignatureDoesNotMatch', 403, message, detail);
}
