// Just enough DER (X.690): to tell what a file is before a real parser opens it, and to write signatures and keys of tokens.

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
  /** Of tag, length and content, in bytes. */
  readonly size: number;
}

/**
 * Reads the element at the start of `bytes`.
 *
 * @throws RangeError when it is cut off, or its length is not given as DER wants it.
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

/** Whether `bytes` begin with a whole element. */
export function isDer(bytes: Buffer): boolean {
  try {
    return readDer(bytes).size > 0;
  } catch {
    return false;
  }
}

/** The elements that `content` is made of, one after the other. */
export function* derElements(content: Buffer): Generator<DerElement> {
  for (let rest = content; rest.length > 0;) {
    const element = readDer(rest);
    yield element;
    rest = rest.subarray(element.size);
  }
}

/** An object identifier with dots (X.690 8.19): base 128, and the first two numbers in one. */
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

/** One element that consists of `contents`. */
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

/** An INTEGER that is not negative: as few bytes as possible, and a zero before a first bit that is set. */
export function derUnsigned(magnitude: Buffer): Buffer {
  const start = magnitude.findIndex((byte) => byte !== 0);
  const short = start === -1 ? Buffer.of(0) : magnitude.subarray(start);
  return der(tags.integer, short.readUInt8(0) < 0x80 ? short : Buffer.concat([Buffer.of(0), short]));
}

/** The content of an object identifier: see {@link oidText}. */
export function oidContent(text: string): Buffer {
  const [top = 0n, second = 0n, ...rest] = text.split('.').map(BigInt);
  return Buffer.from([top * 40n + second, ...rest].flatMap(base128));
}

function base128(number: bigint): number[] {
  const digits = [Number(number & 0x7fn)];
  for (let rest = number >> 7n; rest > 0n; rest >>= 7n) digits.unshift(Number(rest & 0x7fn) | 0x80);
  return digits;
}

/** An ECDSA signature as X.509 and TLS have it (RFC 3279 2.2.3): tokens give the two numbers one after the other. */
export function ecdsaSignature(r: Buffer, s: Buffer): Buffer {
  return der(tags.sequence, derUnsigned(r), derUnsigned(s));
}
