import type { RoleConfig } from '../config/config.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { type InheritedSocket, inheritedSockets } from '../platform/inherited-sockets.ts';
import { loadLibc } from '../platform/libc.ts';
import { daemonError } from './daemon-errors.ts';

/** A second descriptor of the same socket; -1 if that fails. */
export type Duplicate = (descriptor: number) => number;

/**
 * Sockets from a service manager, each for the role of its name. A single role uses a single socket
 * with any name. Each endpoint closes its own descriptor: the socket itself stays open for the next
 * one.
 */
export class ActivatedSockets {
  readonly #sockets: readonly InheritedSocket[];
  readonly #duplicate: Duplicate | undefined;
  readonly #gone = new Set<number>();

  /** @param duplicate - undefined if impossible; then a socket can be used once. */
  constructor(sockets: readonly InheritedSocket[], duplicate: Duplicate | undefined) {
    this.#sockets = sockets;
    this.#duplicate = duplicate;
  }

  /**
   * A descriptor for the role's endpoint; undefined if there is no socket for it.
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

  /** Names of sockets that match no role. */
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

/** The sockets of this process. Logs the names that match no role. */
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
