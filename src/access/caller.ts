import type { Peer } from '../platform/peer-user.ts';

/** Who is at the other end of a connection. */
export interface Caller extends Peer {
  /** The name of its process, where that is known; read when it is first asked for, and then kept. */
  readonly process: () => string | undefined;
}

export function callerFrom(peer: Peer, nameOf: (pid: number) => string | undefined): Caller {
  let read: { readonly name: string | undefined } | undefined;
  return {
    ...peer,
    process: () => {
      read ??= { name: peer.pid === undefined ? undefined : nameOf(peer.pid) };
      return read.name;
    },
  };
}
