import { endianness } from 'node:os';
import { failureFields, type Log } from '../foundation/logger.ts';
import { loadLibc, type Libc } from './libc.ts';
import { platformError } from './platform-errors.ts';
import { systemProgram } from './system-program.ts';

/** Assignments for the service manager, such as `READY=1` (sd_notify(3)). @returns whether they were handed over. */
export type Notify = (...assignments: readonly string[]) => Promise<boolean>;

/** @param notifySocket - as in NOTIFY_SOCKET. */
export async function notifyAt(notifySocket: string, log: Log): Promise<Notify> {
  const address = unixAddress(notifySocket);
  const libc = address && (await loadLibc());
  if (!libc) return byProgram(notifySocket, log);
  const send = datagramsTo(address, libc);
  return (...assignments) => Promise.resolve(send(assignments.join('\n')));
}

const PROGRAM_MS = 5_000;

/** systemd looks at who sends: another process is heard only where the unit says NotifyAccess=all. */
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

// Node has stream sockets of AF_UNIX only. The numbers are those of Linux on all its usual processors (socket(2), unix(7)).
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** `sun_path` */
const LONGEST_PATH = 108;

/** Sends one datagram. @returns whether the kernel took it. */
type SendDatagram = (text: string) => boolean;

/** Never waits: a service manager that does not read must not hold up an endpoint. */
function datagramsTo(address: Buffer, { socket, sendto }: Libc): SendDatagram {
  const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return (text) => {
    const data = Buffer.from(text);
    return sendto(descriptor, data, data.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length) === data.length;
  };
}

/**
 * `struct sockaddr_un` of what NOTIFY_SOCKET says (sd_notify(3)): a path, or with `@` in front a name in the abstract name space, which has
 * a zero byte there and none behind. Undefined for other forms, such as `vsock:`.
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
