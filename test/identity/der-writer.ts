// Writes DER by hand, for what no library would write. Elements are hex strings, so that they can be put together as text.

/** A SEQUENCE of elements. */
export function sequence(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.from(
    der('30', parts.map((part) => (typeof part === 'string' ? part : part.toString('hex'))).join('')),
    'hex',
  );
}

/** One element: its tag in hex, its content in hex. */
export function der(tag: string, content: string): string {
  const length = content.length / 2;
  const head = length < 128 ? '' : (128 + hex(BigInt(length)).length / 2).toString(16);
  return tag + head + hex(BigInt(length)) + content;
}

/** The bytes of a number, at least one. */
export function hex(value: bigint): string {
  const digits = value.toString(16);
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}
