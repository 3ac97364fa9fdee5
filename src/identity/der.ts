// Just enough DER (X.690) to tell what a file is before a real parser opens it.

export const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
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
