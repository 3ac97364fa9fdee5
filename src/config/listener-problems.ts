import { isIPv6 } from 'node:net';
import { keyText, type KeyPath } from '../foundation/config-finding.ts';
import type { FormProblem } from './check-form.ts';
import { configError } from './config-errors.ts';
import type { Config } from './config.ts';
import { hostAndPort, plainHost } from '../foundation/address.ts';

interface Listener {
  readonly path: KeyPath;
  readonly host: string;
  readonly port: number;
}

type Listening = Pick<Config, 'roles' | 'container' | 'admin' | 'socket'>;

/** Two listeners on one address: the second could not be opened. Reported at the later one. */
export function listenerProblems(config: Listening): FormProblem[] {
  const listeners = listenersOf(config);
  const taken = listeners.flatMap((one, index) => {
    const other = listeners.slice(0, index).find((earlier) => isTaken(earlier, one));
    if (!other) return [];
    const what = `${hostAndPort(one)} is already in use: ${keyText(other.path)} is ${hostAndPort(other)}`;
    return [duplicate(one.path, other.path, what)];
  });
  const { socket, admin } = config;
  return socket && socket.path === admin?.socket
    ? [
        ...taken,
        duplicate(['admin', 'socket'], ['socket', 'path'], `${socket.path} is already in use: socket.path is the same`),
      ]
    : taken;
}

/** Port 0 is a free one. */
function listenersOf({ roles, container, admin }: Listening): Listener[] {
  return [
    ...roles.flatMap(({ imds }, index) => (imds ? [{ path: ['roles', index, 'imds', 'listen'], ...imds }] : [])),
    ...(container ? [{ path: ['container', 'listen'], ...container }] : []),
    ...(admin?.listen ? [{ path: ['admin', 'listen'], ...admin.listen }] : []),
  ].filter(({ port }) => port !== 0);
}

function duplicate(path: KeyPath, other: KeyPath, what: string): FormProblem {
  return { path, about: [other], error: configError('CONFIG_DUPLICATE_ADDRESS', what) };
}

function isTaken(one: Listener, other: Listener): boolean {
  if (one.port !== other.port) return false;
  const [first, second] = [canonical(one.host), canonical(other.host)];
  // Linux gives `::` both families, unless an administrator has decided otherwise.
  const isAny = (host: string, against: string): boolean => host === '::' || (host === '0.0.0.0' && !isIPv6(against));
  return first === second || isAny(first, second) || isAny(second, first);
}

/** `0:0:0:0:0:0:0:1` is `::1`. */
function canonical(host: string): string {
  return isIPv6(host) ? plainHost(new URL(`http://[${host}]`).hostname) : host;
}
