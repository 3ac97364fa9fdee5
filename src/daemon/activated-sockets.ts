import type { RoleConfig } from '../config/config.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { inheritedSockets, type InheritedSocket } from '../platform/inherited-sockets.ts';
import { loadLibc } from '../platform/libc.ts';
import { daemonError } from './daemon-errors.ts';

/** A second descriptor of the same socket; -1 when there is none to be had. */
export type Duplicate = (descriptor: number) => number;

/**
 * The sockets that a service manager handed over, each for the role of its name. A single role takes a single socket, whatever
 * that is called. Each endpoint gets a descriptor of its own to close: the socket itself stays open for the next.
 */
export class ActivatedSockets {
  readonly #sockets: readonly InheritedSocket[];
  readonly #duplicate: Duplicate | undefined;
  readonly #gone = new Set<number>();

  /** @param duplicate - undefined where it cannot be done; then a socket serves once. */
  constructor(sockets: readonly InheritedSocket[], duplicate: Duplicate | undefined) {
    this.#sockets = sockets;
    this.#duplicate = duplicate;
  }

  /**
   * A descriptor for the role's endpoint to listen on; undefined: there is none for it.
   *
   * @throws CodedError SOCKET_NEEDS_RESTART
   */
  take(role: string, roles: readonly RoleConfig[]): number | undefined {
    const socket = socketOf(role, roles, this.#sockets);
    if (!socket) return undefined;
    const descriptor = this.#duplicate?.(socket.descriptor) ?? this.#once(socket.descriptor);
    if (descriptor >= 0) return descriptor;
    throw daemonError(
      'SOCKET_NEEDS_RESTART',
      `the socket ${socket.name} of role ${role} cannot be opened a second time`,
    );
  }

  /** Names of sockets that are for no role. */
  unused(roles: readonly RoleConfig[]): readonly string[] {
    const used = roles.map(({ name }) => socketOf(name, roles, this.#sockets));
    return this.#sockets.filter((socket) => !used.includes(socket)).map(({ name }) => name);
  }

  #once(descriptor: number): number {
    if (this.#gone.has(descriptor)) return -1;
    this.#gone.add(descriptor);
    return descriptor;
  }
}

function socketOf(
  role: string,
  roles: readonly RoleConfig[],
  sockets: readonly InheritedSocket[],
): InheritedSocket | undefined {
  return roles.length === 1 && sockets.length === 1 ? sockets[0] : sockets.find(({ name }) => name === role);
}

/** Those of this process; the log names those that are for no role. */
export async function activatedSockets(
  roles: readonly RoleConfig[],
  { environment, log }: { readonly environment: Parameters<typeof inheritedSockets>[0]; readonly log: Log },
): Promise<ActivatedSockets> {
  const inherited = inheritedSockets(environment);
  const sockets = new ActivatedSockets(inherited, inherited.length > 0 ? (await loadLibc())?.dup : undefined);
  for (const name of sockets.unused(roles))
    log(
      'warn',
      'inherited sockets',
      failureFields(daemonError('SOCKET_UNUSED', `no role has the name of the socket ${name}`)),
    );
  return sockets;
}
