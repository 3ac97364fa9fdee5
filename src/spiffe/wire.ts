/**
 * The bytes of the SPIFFE Workload API: messages of gRPC, and in them Protocol Buffers.
 * https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md
 */

/** An X.509-SVID. All DER. */
export interface Svid {
  readonly id: string;
  /** Leaf and intermediates, concatenated. */
  readonly certificates: Buffer;
  /** PKCS#8. */
  readonly key: Buffer;
  /** CA certificates of the trust domain, concatenated. */
  readonly bundle: Buffer;
  /** Empty: none. */
  readonly hint: string;
}

/** All SVIDs of a process, in the order of the agent. */
export type Svids = readonly Svid[];

/** gRPC's own limit of a message. */
const MOST_BYTES = 4 * 1024 * 1024;
/** A flag and a length. */
const PREFIX_BYTES = 5;

/** Puts messages together, which arrive in pieces of any size. */
export class Messages {
  #pieces: Buffer[] = [];
  #held = 0;
  #needed = PREFIX_BYTES;

  /** @returns the messages that are complete now. @throws RangeError if it is not gRPC. */
  take(piece: Buffer): readonly Buffer[] {
    this.#pieces.push(piece);
    this.#held += piece.length;
    const complete: Buffer[] = [];
    // Pieces are joined only when they complete something: a message may have thousands.
    while (this.#held >= this.#needed) {
      const bytes = Buffer.concat(this.#pieces);
      const end = PREFIX_BYTES + lengthOf(bytes);
      if (bytes.length >= end) complete.push(bytes.subarray(PREFIX_BYTES, end));
      const rest = bytes.length >= end ? bytes.subarray(end) : bytes;
      this.#pieces = [rest];
      this.#held = rest.length;
      this.#needed = bytes.length >= end ? PREFIX_BYTES : end;
    }
    return complete;
  }
}

function lengthOf(bytes: Buffer): number {
  if (bytes[0] !== 0) throw new RangeError('a message is compressed, which was not offered');
  const length = bytes.readUInt32BE(1);
  if (length > MOST_BYTES) throw new RangeError(`a message has ${length} bytes; the limit is ${MOST_BYTES}`);
  return length;
}

/** A message without content: the request. */
export const EMPTY_MESSAGE = Buffer.alloc(PREFIX_BYTES);

/** X509SVIDResponse: every SVID of this process. @throws RangeError if it is malformed. */
export function svidsIn(response: Buffer): Svids {
  return (fieldsOf(response).get(1) ?? []).map((message) => {
    const fields = fieldsOf(message);
    const bytes = (number: number): Buffer => fields.get(number)?.at(-1) ?? Buffer.alloc(0);
    return {
      id: bytes(1).toString('utf8'),
      certificates: bytes(2),
      key: bytes(3),
      bundle: bytes(4),
      hint: bytes(5).toString('utf8'),
    };
  });
}

/** More than any agent sends. Each costs memory, however short it is. */
const MOST_FIELDS = 10_000;

/** The fields with a length, by number, in order. Those of other types are skipped. */
function fieldsOf(message: Buffer): ReadonlyMap<number, readonly Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  let count = 0;
  for (let at = 0; at < message.length; count += 1) {
    const tag = varint(message, at);
    const number = Math.floor(tag.value / 8);
    const { start, end } = extent(message, tag.value % 8, tag.end);
    if (end > message.length || count >= MOST_FIELDS)
      throw new RangeError('a message is cut off, or has too many fields');
    const known = fields.get(number) ?? [];
    if (tag.value % 8 === BYTES) fields.set(number, known);
    known.push(message.subarray(start, end));
    at = end;
  }
  return fields;
}

/** The wire type of texts, bytes and messages. */
const BYTES = 2;

function extent(message: Buffer, type: number, at: number): { readonly start: number; readonly end: number } {
  const leading = type === 0 || type === BYTES ? varint(message, at) : { value: 0, end: at };
  switch (type) {
    case 0:
      return { start: at, end: leading.end };
    case 1:
      return { start: at, end: at + 8 };
    case BYTES:
      return { start: leading.end, end: leading.end + leading.value };
    case 5:
      return { start: at, end: at + 4 };
    default:
      throw new RangeError(`a message has a field of type ${type}`);
  }
}

/** Seven bits a byte, the lowest first. Of long ones, only the size is exact. */
function varint(message: Buffer, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let at = start; at < Math.min(message.length, start + 10); at += 1) {
    const byte = message.readUInt8(at);
    value += (byte & 0x7f) * 2 ** (7 * (at - start));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new RangeError('a message has a number without an end');
}
