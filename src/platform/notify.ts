import { endianness } from 'node:os';
import { failureFields, type Log } from '../foundation/logger.ts';
import { type Libc, loadLibc } from './libc.ts';
import { platformError } from './platform-errors.ts';
import { systemProgram } from './system-program.ts';

/**
 * Assignments for the service manager, such as `READY=1` (sd_notify(3)).
 *
 * @returns whether they were sent.
 */
export type Notify = (...assignments: readonly string[]) => Promise<boolean>;

/** @param notifySocket - value of NOTIFY_SOCKET. */
export async function notifyAt(notifySocket: string, log: Log): Promise<Notify> {
  const address = unixAddress(notifySocket);
  const libc = address && (await loadLibc());
  if (!libc) return byProgram(notifySocket, log);
  const send = datagramsTo(address, libc);
  return (...assignments) => Promise.resolve(send(assignments.join('\n')));
}

const PROGRAM_MS = 5_000;

/** systemd checks the sender: another process is accepted only if the unit has NotifyAccess=all. */
function byProgram(notifySocket: string, log: Log): Notify {
  const what = 'koffi cannot be used, so systemd-notify is run for each message to systemd';
  log('warn', 'service manager', failureFields(platformError('SERVICE_MANAGER_BY_PROGRAM', what)));
  const options = { deadlineMs: PROGRAM_MS, environment: { NOTIFY_SOCKET: notifySocket } };
  return async (...assignments) => {
    try {
      await systemProgram('systemd-notify', [`--pid=${process.pid}`, ...assignments], options);
      return true;
    } catch {
      return false;
    }
  };
}

// Node supports only stream sockets of AF_UNIX. The numbers are those of Linux on all common
// processors (socket(2), unix(7)).
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** `sun_path` */
const LONGEST_PATH = 108;

/** Sends one datagram. @returns whether the kernel accepted it. */
type SendDatagram = (text: string) => boolean;

/** Never waits: a service manager that does not read must not block an endpoint. */
function datagramsTo(address: Buffer, { socket, sendto }: Libc): SendDatagram {
  const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return (text) => {
    const data = Buffer.from(text);
    return sendto(descriptor, data, data.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length) === data.length;
  };
}

/**
 * `struct sockaddr_un` for NOTIFY_SOCKET (sd_notify(3)): a path, or `@` and a name in the abstract
 * namespace, which has a leading zero byte and no trailing one. Undefined for other forms, such as
 * `vsock:`.
 */
export function unixAddress(notifySocket: string): Buffer | undefined {
  const isAbstract = notifySocket.startsWith('@');
  if (!isAbstract && !notifySocket.startsWith('/')) return undefined;
  const name = Buffer.from(isAbstract ? `\0${notifySocket.slice(1)}` : `${notifySocket}\0`);
  if (name.length > LONGEST_PATH) return undefined;
  const family = Buffer.alloc(2);
  family[endianness() === 'LE' ? 'writeUInt16LE' : 'writeUInt16BE'](AF_UNIX);
  return Buffer.concat([family, name]);
}
