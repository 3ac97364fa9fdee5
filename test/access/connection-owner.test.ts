import { describe, expect, test, vi } from 'vitest';
import { type Connection, sockDiag } from '../../src/access/connection-owner.ts';
import { addressBytes } from '../../src/foundation/address.ts';
import type { Libc } from '../../src/platform/libc.ts';

// sock_diag(7) as bytes, with a C library that plays the kernel. `peer-user.test.ts` asks the real one.

const NOTHING = Buffer.alloc(0);
const bytes = (address: string): Buffer => addressBytes(address) ?? NOTHING;
const client: Connection = {
  local: bytes('127.0.0.2'),
  localPort: 0x1234,
  remote: bytes('127.0.0.1'),
  remotePort: 0x5678,
};

/** inet_diag_msg behind its header, in the byte order of this machine. */
function kernelAnswer({ type = 20, state = 1, uid = 1001, inode = 77, length = 88 } = {}): Buffer {
  const answer = Buffer.alloc(88);
  new Uint16Array(answer.buffer, answer.byteOffset + 4, 1).set([type]);
  answer.writeUInt8(state, 17);
  new Uint32Array(answer.buffer, answer.byteOffset + 80, 2).set([uid, inode]);
  return answer.subarray(0, length);
}

interface PlayedKernel {
  readonly descriptor?: number;
  readonly sent?: number;
  /** Added to the sequence number of the question. */
  readonly late?: number;
}

function kernel(answer: Buffer | number, { descriptor = 9, sent = 72, late = 0 }: PlayedKernel = {}) {
  const close = vi.fn(() => 0);
  const socket = vi.fn(() => descriptor);
  let sequence = 0;
  const sendto = vi.fn<Libc['sendto']>((_, question) => {
    sequence = words(question)[2] ?? 0;
    return sent;
  });
  const recv: Libc['recv'] = (_, into) => {
    if (typeof answer === 'number') return answer;
    const length = answer.copy(into);
    words(into)[2] = sequence + late;
    return length;
  };
  const libc = { socket, sendto, recv, close } as Partial<Libc> as Libc;
  return { ownerOf: sockDiag(libc), socket, close, sendto };
}

/** In the byte order of this machine. */
function words({ buffer, byteOffset }: Buffer): Uint32Array {
  return new Uint32Array(buffer, byteOffset, 4);
}

test('the owner is the one in the answer', () => {
  const { ownerOf } = kernel(kernelAnswer({ state: 4 }));
  expect(ownerOf(client)).toEqual({ uid: 1001, inode: 77, state: 4 });
});

test('all questions use one descriptor, which may be 0', () => {
  const { ownerOf, socket, close, sendto } = kernel(kernelAnswer(), { descriptor: 0 });
  expect([ownerOf(client)?.uid, ownerOf({ ...client, local: bytes('::1') })?.uid, ownerOf(client)?.uid]).toEqual([
    1001, 1001, 1001,
  ]);
  expect([socket, close, sendto].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 3]);
});

describe('nobody is the owner if', () => {
  test.each([
    ['the answer is an error message', kernelAnswer({ type: 2 })],
    ['the answer is a byte too short', kernelAnswer({ length: 87 })],
  ])('%s; the descriptor is used again', (_, answer) => {
    const { ownerOf, close } = kernel(answer);
    expect(ownerOf(client)).toBeUndefined();
    expect(close).not.toHaveBeenCalled();
  });

  test.each<[string, Buffer | number, PlayedKernel]>([
    ['there is no answer', -1, {}],
    ['the answer is empty', 0, {}],
    ['the answer is for an earlier question', kernelAnswer(), { late: -1 }],
    ['the question cannot be sent', kernelAnswer(), { sent: -1 }],
  ])('%s; the next question gets another descriptor', (_, answer, played) => {
    const { ownerOf, socket, close } = kernel(answer, played);
    expect([ownerOf(client), ownerOf(client)]).toEqual([undefined, undefined]);
    expect([socket, close].map(({ mock }) => mock.calls.length)).toEqual([2, 2]);
  });

  test('there is no socket', () => {
    const { ownerOf, close, sendto } = kernel(kernelAnswer(), { descriptor: -1 });
    expect(ownerOf(client)).toBeUndefined();
    expect([sendto, close].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  });
});

describe('the question names exactly one connection:', () => {
  test.each([
    ['IPv4', client, 2, '7f0000020000000000000000000000007f000001000000000000000000000000'],
    [
      'IPv6',
      { ...client, local: bytes('::1'), remote: bytes('fd00::2') },
      10,
      '00000000000000000000000000000001fd000000000000000000000000000002',
    ],
  ])('%s', (_, asked, family, addresses) => {
    const { ownerOf, sendto } = kernel(kernelAnswer());
    ownerOf({ ...client, local: bytes('fd00::9'), remote: bytes('fd00::8') });
    ownerOf(asked);
    const [descriptor, question = NOTHING, length, flags, to = NOTHING, toLength] = sendto.mock.lastCall ?? [];
    expect([descriptor, length, flags, toLength]).toEqual([9, 72, 0, 12]);
    expect([...new Uint16Array(to.buffer, to.byteOffset, 6)]).toEqual([16, 0, 0, 0, 0, 0]);
    // The length, the type, NLM_F_REQUEST; then the family, TCP, and all states.
    expect(new Uint32Array(question.buffer, question.byteOffset, 1)[0]).toBe(72);
    expect([...new Uint16Array(question.buffer, question.byteOffset + 4, 2)]).toEqual([20, 1]);
    expect(question.subarray(16, 24).toString('hex')).toBe(`${Buffer.of(family, 6).toString('hex')}0000ffffffff`);
    expect(question.subarray(24, 28).toString('hex')).toBe('12345678');
    expect(question.subarray(28, 60).toString('hex')).toBe(addresses);
    // Of any interface, and without a cookie.
    expect(question.subarray(60).toString('hex')).toBe('00000000ffffffffffffffff');
  });
});
