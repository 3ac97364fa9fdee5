import { crc32, deflateSync, inflateSync } from 'node:zlib';

/** Chromium's picture with at most 256 colours, in half of the bytes. https://www.w3.org/TR/png-3/ */
export function smallPng(png: Buffer): Buffer {
  const { width, height, pixels } = decoded(png);
  const { palette, indexes } = reduced(pixels);
  const rows = Array.from({ length: height }, (_, y) => [
    Buffer.of(0),
    indexes.subarray(y * width, (y + 1) * width),
  ]).flat();
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8);
  const data = deflateSync(Buffer.concat(rows), { level: 9, memLevel: 9 });
  const chunks = [chunk('IHDR', header), chunk('PLTE', palette), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([png.subarray(0, 8), ...chunks]);
}

interface Picture {
  readonly width: number;
  readonly height: number;
  /** Three bytes each. */
  readonly pixels: Buffer;
}

/** Eight bits, RGB, not interlaced. */
function decoded(png: Buffer): Picture {
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  if (png[24] !== 8 || png[25] !== 2) throw new Error('another kind of PNG');
  const row = width * 3;
  const raw = inflateSync(Buffer.concat(data));
  const pixels = Buffer.alloc(row * height);
  const byte = (x: number, y: number): number => (x < 0 || y < 0 ? 0 : (pixels[y * row + x] ?? 0));
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < row; x += 1) {
      const [left, up, corner] = [byte(x - 3, y), byte(x, y - 1), byte(x - 3, y - 1)];
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][raw[y * (row + 1)] ?? 0] ?? 0;
      pixels[y * row + x] = (raw[y * (row + 1) + 1 + x] ?? 0) + guess;
    }
  return { width, height, pixels };
}

function paeth(left: number, up: number, corner: number): number {
  const far = (one: number): number => Math.abs(left + up - corner - one);
  if (far(left) <= far(up) && far(left) <= far(corner)) return left;
  return far(up) <= far(corner) ? up : corner;
}

/** Drops low bits until there are few enough colours, each shown as its first original. */
function reduced(pixels: Buffer): { readonly palette: Buffer; readonly indexes: Buffer } {
  for (let bits = 0; ; bits += 1) {
    const seen = new Map<number, readonly [index: number, colour: Buffer]>();
    const indexes = Buffer.alloc(pixels.length / 3);
    for (let at = 0; at < pixels.length; at += 3) {
      const colour = pixels.subarray(at, at + 3);
      const key = colour.reduce((sum, part) => sum * 256 + (part >> bits), 0);
      const [index] = seen.get(key) ?? [seen.size];
      if (index === seen.size) seen.set(key, [index, colour]);
      indexes[at / 3] = index;
    }
    if (seen.size <= 256) return { palette: Buffer.concat([...seen.values()].map(([, colour]) => colour)), indexes };
  }
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
