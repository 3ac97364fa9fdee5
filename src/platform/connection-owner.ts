/** A TCP connection as its client has it: `local` is the client's end. */
export interface Connection {
  readonly local: Buffer;
  readonly localPort: number;
  readonly remote: Buffer;
  readonly remotePort: number;
}

/** What the system says of a socket. */
export interface SocketOwner {
  readonly uid: number;
  /** 0: no process holds it any more. */
  readonly inode: number;
  /** As in net/tcp_states.h. */
  readonly state: number;
}
