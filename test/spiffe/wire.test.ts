import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EMPTY_MESSAGE, Messages, svidsIn } from '../../src/spiffe/wire.ts';
import { encoded, field, framed, inPieces, response, varint } from './fake-agent.ts';

const SVID = {
  id: 'spiffe://example.org/device',
  certificates: [Buffer.from('leaf'), Buffer.from('intermediate')],
  key: randomBytes(138),
  bundle: [Buffer.from('root')],
  hint: 'internal',
};
const READ = { ...SVID, certificates: Buffer.from('leafintermediate'), bundle: Buffer.from('root') };

describe('messages of gRPC', () => {
  test('are put together from pieces of any size', () => {
    const sent = [0, 1, 300, 70_000].map((length) => randomBytes(length));
    for (let round = 0; round < 20; round += 1) {
      const messages = new Messages();
      const got = inPieces(Buffer.concat(sent.map(framed))).flatMap((piece) => messages.take(piece));
      expect(got.map((bytes) => bytes.toString('hex'))).toEqual(sent.map((bytes) => bytes.toString('hex')));
    }
  });

  test('are put together from single bytes, in a time that grows with their length', () => {
    const messages = new Messages();
    const sent = framed(randomBytes(200_000));
    let count = 0;
    for (let at = 0; at < sent.length; at += 1) count += messages.take(sent.subarray(at, at + 1)).length;
    expect(count).toBe(1);
  });

  test.each([
    ['longer than 4 MiB', Buffer.from([0, 0, 0x40, 0, 1])],
    ['of 4 GiB', Buffer.from([0, 0xff, 0xff, 0xff, 0xff])],
    ['compressed', Buffer.from([1, 0, 0, 0, 0])],
  ])('%s are rejected before they arrive', (_, bytes) => {
    expect(() => new Messages().take(bytes)).toThrow(RangeError);
  });

  test('of exactly 4 MiB are accepted', () => {
    const messages = new Messages();
    expect(messages.take(framed(Buffer.alloc(4 * 1024 * 1024)))).toHaveLength(1);
  });

  test('the request is one without content', () => {
    expect(new Messages().take(EMPTY_MESSAGE)).toEqual([Buffer.alloc(0)]);
  });
});

describe('X509SVIDResponse', () => {
  test('has all fields of every SVID, in order', () => {
    expect(svidsIn(response([SVID, { ...SVID, id: 'spiffe://example.org/other', hint: '' }]))).toEqual([
      READ,
      { ...READ, id: 'spiffe://example.org/other', hint: '' },
    ]);
  });

  test('without SVIDs is empty', () => {
    expect(svidsIn(Buffer.alloc(0))).toEqual([]);
  });

  test('skips fields that are not known, of every type', () => {
    const unknown = Buffer.concat([
      ...[varint(9 * 8), varint(2 ** 40), varint(9 * 8 + 1), Buffer.alloc(8), varint(9 * 8 + 5), Buffer.alloc(4)],
      field(4_000, 'new'),
    ]);
    const message = Buffer.concat([unknown, field(1, Buffer.concat([unknown, encoded(SVID), unknown])), unknown]);
    expect(svidsIn(message)).toEqual([READ]);
  });

  test('the last of several values counts, as in Protocol Buffers', () => {
    expect(svidsIn(field(1, Buffer.concat([encoded(SVID), field(1, 'spiffe://example.org/last')])))).toMatchObject([
      { id: 'spiffe://example.org/last' },
    ]);
  });

  test.each([
    ['cut off', response([SVID]).subarray(0, 100)],
    ['with a length beyond its end', Buffer.concat([varint(10), varint(2 ** 50)])],
    ['with a number without an end', Buffer.alloc(20, 0xff)],
    ['with a group', varint(1 * 8 + 3)],
    ['with a fixed field cut off', Buffer.concat([varint(9 * 8 + 1), Buffer.alloc(7)])],
    ['with a million fields', Buffer.concat(Array.from({ length: 1_000_000 }, () => Buffer.from([10, 0])))],
  ])('%s is rejected', (_, message) => {
    expect(() => svidsIn(message)).toThrow(RangeError);
  });

  test('any bytes are read or rejected, and nothing else', () => {
    for (let round = 0; round < 5_000; round += 1) {
      try {
        svidsIn(randomBytes(round % 60));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });
});
