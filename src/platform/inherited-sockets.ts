import type { Environment } from '../foundation/process-environment.ts';

/** A listening socket opened by a service manager. */
export interface InheritedSocket {
  /** `FileDescriptorName=` of its unit, by default the unit's name, such as `imds-anywhere.socket`. */
  readonly name: string;
  readonly descriptor: number;
}

/** `SD_LISTEN_FDS_START` */
const FIRST = 3;

/** The sockets that the service manager passed to this process (sd_listen_fds_with_names(3)). */
export function inheritedSockets(environment: Environment, pid = process.pid): readonly InheritedSocket[] {
  const { LISTEN_PID: heir, LISTEN_FDS: count = '', LISTEN_FDNAMES: names = '' } = environment;
  if (heir !== String(pid) || !/^[1-9]\d{0,3}$/.test(count)) return [];
  const named = names.split(':');
  return Array.from({ length: Number(count) }, (_, index) => ({
    name: named[index] || 'unknown',
    descriptor: FIRST + index,
  }));
}
