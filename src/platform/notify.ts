import { failureFields, type Log } from '../foundation/logger.ts';
import { loadLibc } from './libc.ts';
import { datagramsTo, unixAddress } from './notify-socket.ts';
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
