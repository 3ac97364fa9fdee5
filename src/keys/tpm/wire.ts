// The encoding of numbers and byte strings in TPM 2.0 (TPM 2.0 Library, part 2 "Structures"):
// big-endian, byte strings after their size.

export function u8(value: number): Buffer {
  return Buffer.of(value);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A TPM2B: starts with its size. */
export function sized(...parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([u16(bytes.length), bytes]);
}

export const nothing: Buffer = Buffer.alloc(0);

/** Reads one value after the other. @throws RangeError if the bytes end early. */
export class WireReader {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  get rest(): Buffer {
    return this.#rest;
  }

  bytes(length: number): Buffer {
    if (length > this.#rest.length) throw new RangeError(`${this.#rest.length} bytes where ${length} are announced`);
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }

  u8(): number {
    return this.bytes(1).readUInt8();
  }

  u16(): number {
    return this.bytes(2).readUInt16BE();
  }

  u32(): number {
    return this.bytes(4).readUInt32BE();
  }

  sized(): Buffer {
    return this.bytes(this.u16());
  }
}
