// A minimal DER reader and writer (X.690). It recognises files before a real parser opens them, and
// writes signatures and keys of tokens.

export const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Size of tag, length and content together. */
  readonly size: number;
}

/**
 * Reads the element at the start of `bytes`.
 *
 * @throws RangeError if it is cut off or its length is not valid DER.
 */
export function readDer(bytes: Buffer): DerElement {
  const tag = bytes.readUInt8(0);
  const first = bytes.readUInt8(1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 4) throw new RangeError('not a DER length');
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  if (start + length > bytes.length) throw new RangeError('cut off');
  return { tag, content: bytes.subarray(start, start + length), size: start + length };
}

/** Whether `bytes` start with a complete element. */
export function isDer(bytes: Buffer): boolean {
  try {
    return readDer(bytes).size > 0;
  } catch {
    return false;
  }
}

/** The elements of `content`, in order. */
export function* derElements(content: Buffer): Generator<DerElement> {
  for (let rest = content; rest.length > 0;) {
    const element = readDer(rest);
    yield element;
    rest = rest.subarray(element.size);
  }
}

/**
 * An object identifier in dotted form (X.690 8.19). It is encoded in base 128, with the first two
 * numbers combined.
 */
export function oidText(content: Buffer): string {
  const numbers: bigint[] = [];
  let number = 0n;
  for (const byte of content) {
    number = (number << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0n;
  }
  const [first = 0n, ...rest] = numbers;
  const top = first < 80n ? first / 40n : 2n;
  return [top, first - top * 40n, ...rest].join('.');
}

/** An element that contains `contents`. */
export function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  const short = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.of(0x80 | short.length), short]);
}

/** A non-negative INTEGER: the shortest form, with a leading zero if the first bit is set. */
export function derUnsigned(magnitude: Buffer): Buffer {
  const start = magnitude.findIndex((byte) => byte !== 0);
  const short = start === -1 ? Buffer.of(0) : magnitude.subarray(start);
  return der(tags.integer, short.readUInt8(0) < 0x80 ? short : Buffer.concat([Buffer.of(0), short]));
}

/** The content of an object identifier, the reverse of {@link oidText}. */
export function oidContent(text: string): Buffer {
  const [top = 0n, second = 0n, ...rest] = text.split('.').map(BigInt);
  return Buffer.from([top * 40n + second, ...rest].flatMap(base128));
}

function base128(number: bigint): number[] {
  const digits = [Number(number & 0x7fn)];
  for (let rest = number >> 7n; rest > 0n; rest >>= 7n) digits.unshift(Number(rest & 0x7fn) | 0x80);
  return digits;
}

/**
 * An ECDSA signature in the form of X.509 and TLS (RFC 3279 2.2.3). Tokens return the two numbers
 * concatenated.
 */
export function ecdsaSignature(r: Buffer, s: Buffer): Buffer {
  return der(tags.sequence, derUnsigned(r), derUnsigned(s));
}
