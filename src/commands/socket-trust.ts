import { enter, openPlace, type Step } from '../files/place.ts';
import { dangerIn, findingsOf } from '../files/safe-place.ts';
import { commandError } from './command-errors.ts';

/**
 * Checks, before sending a request, that only root, this user or the daemon's user can have created
 * a socket. Otherwise another user could listen at its path first, and hand out keys of their own
 * account. The daemon's user is the owner of the socket's directory, if that is in a directory of
 * root or this user that others cannot write.
 *
 * @throws CodedError SOCKET_NOT_TRUSTED, or the system's error.
 */
export async function checkSocket(socket: string): Promise<void> {
  const self = process.geteuid?.();
  if (self === undefined) return;
  const place = await openPlace(socket);
  try {
    const { stats, close } = await enter(place.file);
    await close();
    const { uid } = stats;
    const directories = place.steps.filter(({ kind }) => kind === 'directory');
    const owner = daemonUser(directories, self);
    if (![0, self, owner].includes(uid)) throw untrusted(`${socket} belongs to user ${uid}`);
    const danger = dangerIn(await findingsOf(place.steps, { use: 'trusted', owner }));
    if (danger) throw untrusted(danger.message, danger);
  } finally {
    await place.close();
  }
}

function daemonUser(directories: readonly Step[], self: number): number {
  const [above, last] = directories.slice(-2);
  const isOpen = above === undefined || (above.mode & 0o022) !== 0 || ![0, self].includes(above.uid);
  return last === undefined || isOpen ? self : last.uid;
}

function untrusted(what: string, cause?: unknown): Error {
  return commandError('SOCKET_NOT_TRUSTED', `the socket may be of another program: ${what}`, cause);
}
