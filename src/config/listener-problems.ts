import { hostAndPort, isIPv6, isLoopback } from '../foundation/address.ts';
import { type KeyPath, keyText } from '../foundation/config-finding.ts';
import type { FormProblem } from './check-form.ts';
import { configError } from './config-errors.ts';
import type { WrittenConfig } from './schema.ts';

interface Listener {
  /** Of the endpoint. */
  readonly path: KeyPath;
  /** Of its address. */
  readonly listen: KeyPath;
  readonly host: string;
  readonly port: number;
  readonly mayBeReached: boolean;
  /** What other hosts could do with it. */
  readonly danger: string;
}

/** Reports addresses that other hosts can reach, and two listeners on one address. */
export function listenerProblems(written: WrittenConfig): FormProblem[] {
  const listeners = listenersOf(written);
  return [...listeners.flatMap(reachableProblem), ...takenProblems(listeners), ...socketProblems(written)];
}

/**
 * The addresses of container credentials on ECS and EKS. SDKs accept them without TLS, like
 * loopback.
 */
const CONTAINER_ADDRESSES = ['169.254.170.2', '169.254.170.23', 'fd00:ec2::23'];

function listenersOf({ roles, container, admin }: WrittenConfig): Listener[] {
  return [
    ...roles.flatMap(({ imds }, index) =>
      imds === false
        ? []
        : {
            path: ['roles', index, 'imds'],
            listen: ['roles', index, 'imds', 'listen'],
            ...imds.listen,
            mayBeReached: imds.allowNonLoopback,
            danger: 'every host that reaches it gets credentials',
          },
    ),
    ...(container?.tokens.length === 0
      ? []
      : listenerOf('container', container, 'tokens and keys would cross a network', CONTAINER_ADDRESSES)),
    ...podListeners(container),
    ...listenerOf('admin', admin, 'every host that reaches it can read status and metrics'),
  ];
}

function listenerOf(
  key: string,
  endpoint: WrittenConfig['admin'],
  danger: string,
  ownAddresses: readonly string[] = [],
): Listener[] {
  if (!endpoint?.listen) return [];
  const { listen, allowNonLoopback } = endpoint;
  return [
    {
      path: [key],
      listen: [key, 'listen'],
      ...listen,
      mayBeReached: allowNonLoopback || ownAddresses.includes(listen.host.toLowerCase()),
      danger,
    },
  ];
}

function podListeners(container: WrittenConfig['container']): Listener[] {
  return (container?.kubernetes?.listen ?? []).map((address, index) => ({
    path: ['container'],
    listen: ['container', 'kubernetes', 'listen', index],
    ...address,
    mayBeReached: container?.allowNonLoopback === true || CONTAINER_ADDRESSES.includes(address.host.toLowerCase()),
    danger: 'tokens and keys would cross a network',
  }));
}

function reachableProblem({ path, listen, host, mayBeReached, danger }: Listener): FormProblem[] {
  if (mayBeReached || isLoopback(host)) return [];
  const error = configError('CONFIG_NOT_LOOPBACK', `${host} is not a loopback address: ${danger}`);
  return [{ path: listen, about: [[...path, 'allowNonLoopback']], error }];
}

/**
 * Two listeners on one address: the second could not open. Reported at the later one. Port 0 is
 * always free.
 */
function takenProblems(listeners: readonly Listener[]): FormProblem[] {
  return listeners.flatMap((one, index) => {
    const other = listeners.slice(0, index).find((earlier) => isTaken(earlier, one));
    if (!other || one.port === 0) return [];
    const there = other.listen;
    return duplicate(
      one.listen,
      there,
      `${hostAndPort(one)} is already in use: ${keyText(there)} is ${hostAndPort(other)}`,
    );
  });
}

function socketProblems({ socket, admin }: WrittenConfig): FormProblem[] {
  if (!socket || socket.path !== admin?.socket) return [];
  return duplicate(
    ['admin', 'socket'],
    ['socket', 'path'],
    `${socket.path} is already in use: socket.path is the same`,
  );
}

function duplicate(path: KeyPath, other: KeyPath, what: string): FormProblem[] {
  return [{ path, about: [other], error: configError('CONFIG_DUPLICATE_ADDRESS', what) }];
}

function isTaken(one: Listener, other: Listener): boolean {
  if (one.port !== other.port) return false;
  const [first, second] = [one.host, other.host];
  // On Linux, `::` covers both families, unless an administrator has changed that.
  const isAny = (host: string, against: string): boolean => host === '::' || (host === '0.0.0.0' && !isIPv6(against));
  return first === second || isAny(first, second) || isAny(second, first);
}
