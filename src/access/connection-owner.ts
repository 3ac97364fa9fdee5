import { endianness } from 'node:os';
import type { Libc } from '../platform/libc.ts';

/** A TCP connection from its client's side: `local` is the client's end. */
export interface Connection {
  readonly local: Buffer;
  readonly localPort: number;
  readonly remote: Buffer;
  readonly remotePort: number;
}

/** The system's information about a socket. */
export interface SocketOwner {
  readonly uid: number;
  /** 0: no process holds it any more. */
  readonly inode: number;
  /** As in net/tcp_states.h. */
  readonly state: number;
}

// sock_diag(7): asks the kernel's table of sockets for exactly one, in some microseconds, for every
// user. A service manager must allow the address family AF_NETLINK.

const isLittle = endianness() === 'LE';
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const MSG_DONTWAIT = 0x40;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;

/** nlmsghdr, and inet_diag_req_v2 behind it. */
const HEADER_BYTES = 16;
const REQUEST_BYTES = HEADER_BYTES + 56;
const SEQUENCE_AT = 8;
/** inet_diag_sockid: ports and addresses. */
const ID_AT = HEADER_BYTES + 8;
/** Offset in the answer: inet_diag_msg. */
const STATE_AT = HEADER_BYTES + 1;
const UID_AT = HEADER_BYTES + 64;
const INODE_AT = HEADER_BYTES + 68;
/** The rest of an answer has no meaning here. */
const ANSWER_BYTES = 256;

/** Keeps its socket open, because opening and closing one takes longer than the question. */
export function sockDiag(libc: Libc): (client: Connection) => SocketOwner | undefined {
  const kernel = new Kernel(libc);
  return (client) => {
    const answer = kernel.ask(client);
    if (!answer || answer.length < INODE_AT + 4 || u16(answer, 4) !== SOCK_DIAG_BY_FAMILY) return undefined;
    return { uid: u32(answer, UID_AT), inode: u32(answer, INODE_AT), state: answer.readUInt8(STATE_AT) };
  };
}

class Kernel {
  readonly #libc: Libc;
  readonly #question = emptyQuestion();
  readonly #answer = Buffer.alloc(ANSWER_BYTES);
  readonly #address = Buffer.alloc(12);
  #descriptor = -1;
  #sequence = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    put16(this.#address, AF_NETLINK, 0);
  }

  /** Valid until the next question; undefined: no answer. */
  ask(client: Connection): Buffer | undefined {
    if (this.#descriptor < 0) this.#descriptor = this.#libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG);
    if (this.#descriptor < 0) return undefined;
    const answer = this.#exchange(client);
    if (answer) return answer;
    // An answer that comes later must not be taken for that of another client.
    this.#libc.close(this.#descriptor);
    this.#descriptor = -1;
    return undefined;
  }

  #exchange({ local, localPort, remote, remotePort }: Connection): Buffer | undefined {
    const question = this.#question;
    this.#sequence = (this.#sequence + 1) >>> 0;
    put32(question, this.#sequence, SEQUENCE_AT);
    question.writeUInt8(local.length === 4 ? AF_INET : AF_INET6, HEADER_BYTES);
    question.writeUInt16BE(localPort, ID_AT);
    question.writeUInt16BE(remotePort, ID_AT + 2);
    question.fill(0, ID_AT + 4, ID_AT + 36).set(local, ID_AT + 4);
    question.set(remote, ID_AT + 20);
    const [descriptor, address, into] = [this.#descriptor, this.#address, this.#answer];
    if (this.#libc.sendto(descriptor, question, question.length, 0, address, address.length) < 0) return undefined;
    // The answer is there when sendto returns.
    const length = this.#libc.recv(descriptor, into, into.length, MSG_DONTWAIT);
    return length >= HEADER_BYTES && u32(into, SEQUENCE_AT) === this.#sequence ? into.subarray(0, length) : undefined;
  }
}

function emptyQuestion(): Buffer {
  const question = Buffer.alloc(REQUEST_BYTES);
  put32(question, REQUEST_BYTES, 0);
  put16(question, SOCK_DIAG_BY_FAMILY, 4);
  put16(question, NLM_F_REQUEST, 6);
  question.writeUInt8(IPPROTO_TCP, HEADER_BYTES + 1);
  question.fill(0xff, HEADER_BYTES + 4, ID_AT); // any state
  question.fill(0xff, ID_AT + 40, ID_AT + 48); // INET_DIAG_NOCOOKIE
  return question;
}

function u16(buffer: Buffer, at: number): number {
  return isLittle ? buffer.readUInt16LE(at) : buffer.readUInt16BE(at);
}

function u32(buffer: Buffer, at: number): number {
  return isLittle ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at);
}

function put16(buffer: Buffer, value: number, at: number): void {
  if (isLittle) buffer.writeUInt16LE(value, at);
  else buffer.writeUInt16BE(value, at);
}

function put32(buffer: Buffer, value: number, at: number): void {
  if (isLittle) buffer.writeUInt32LE(value, at);
  else buffer.writeUInt32BE(value, at);
}
