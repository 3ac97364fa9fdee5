import type { AccessControl, DoorKind } from '../access/access-control.ts';
import type { DoorSnapshot } from '../admin/snapshot.ts';
import type { Config, ContainerConfig, RoleConfig, SocketConfig } from '../config/config.ts';
import { ClientTokens } from '../container/client-tokens.ts';
import type { Client, ContainerRole } from '../container/container-routes.ts';
import type { ContainerServerParts } from '../container/container-server.ts';
import type { Clock } from '../foundation/clock.ts';
import { withFields, type Log } from '../foundation/logger.ts';
import type { ServerLimits } from '../doors/bounded-server.ts';
import type { RequestHeaders } from '../doors/door-request.ts';
import { requestGuard, type RequestGuard } from '../doors/request-guard.ts';
import { openContainerDoor, openSocketDoor } from './container-doors.ts';
import { MovableDoor, type DoorMove } from './movable-door.ts';
import type { Observer } from './observer.ts';
import type { ServedRole } from './served-roles.ts';

export interface SharedDoorsParts {
  readonly roles: () => readonly ServedRole[];
  readonly access: AccessControl;
  readonly limits: ServerLimits;
  readonly answered: Observer['answered'];
  readonly clock: Clock;
  readonly log: Log;
}

/** Whoever can connect to the socket. */
const SOCKET_CLIENT: Client = { client: 'socket', mayHave: () => true };

/** The doors that serve many roles at one address: container credentials over TCP, and over a Unix socket. */
export class SharedDoors {
  readonly #tokens: ClientTokens;
  readonly #container: MovableDoor<ContainerConfig>;
  readonly #socket: MovableDoor<SocketConfig>;
  #guard: RequestGuard = requestGuard({ host: '127.0.0.1', allowedHosts: [] });

  constructor({ roles, access, limits, answered, clock, log }: SharedDoorsParts) {
    this.#tokens = new ClientTokens({ clock, log });
    const parts = (door: DoorKind, own: Pick<ContainerServerParts, 'guard' | 'clientOf'>): ContainerServerParts => ({
      ...own,
      roles: () => roles().map(containerRole),
      limits,
      answered: (role = '', answer) => {
        answered({ role, door }, answer);
      },
      connected: access.connected,
      admits: async ({ name }, connection) => {
        const served = roles().find(({ role }) => role.name === name);
        return served !== undefined && access.admits(served.role, door, connection);
      },
      clock,
      log: withFields(log, { door }),
    });
    const container = parts('container', {
      guard: (request) => this.#guard(request),
      clientOf: (headers) => this.#clientOf(headers),
    });
    const socket = parts('socket', {
      guard: requestGuard({ host: 'localhost', allowedHosts: [] }),
      clientOf: () => SOCKET_CLIENT,
    });
    this.#container = new MovableDoor(
      ({ host, port }) => `${host} ${port}`,
      (wanted) => openContainerDoor(wanted, container),
    );
    this.#socket = new MovableDoor(
      ({ path }) => path,
      (wanted) => openSocketDoor(wanted, socket),
    );
  }

  /** How many are open. */
  get count(): number {
    return [this.#container, this.#socket].filter(({ address }) => address !== undefined).length;
  }

  /** `http://127.0.0.1:9913`; undefined: there is none. */
  get containerUrl(): string | undefined {
    return this.#container.address;
  }

  get socketPath(): string | undefined {
    return this.#socket.address;
  }

  /** Those that serve a role: the container door where a client may have it, the socket always. */
  doorsOf({ name }: Pick<RoleConfig, 'name'>): readonly DoorSnapshot[] {
    const [url, path] = [this.#container.address, this.#socket.address];
    return [
      ...(url !== undefined && this.#tokens.isFor(name)
        ? [{ kind: 'container', url: `${url}/v1/credentials/${name}` }]
        : []),
      ...(path === undefined ? [] : [{ kind: 'socket', url: `unix:${path}` }]),
    ];
  }

  /**
   * Opens what the configuration adds; what it drops closes, and what else it says holds, when that is `done`.
   *
   * @throws CodedError when a door cannot listen; then everything is as it was.
   */
  async move({ container, socket, roles }: Config): Promise<DoorMove> {
    const first = await this.#container.move(container);
    const second = await this.#socket.move(socket).catch(async (error: unknown) => {
      await first.undo();
      throw error;
    });
    return {
      done: async () => {
        await this.#tokens.follow(container?.tokens ?? []);
        if (container) this.#guard = requestGuard(container);
        await this.#socket.openTo(roles);
        await Promise.all([first.done(), second.done()]);
      },
      undo: async () => {
        await Promise.all([first.undo(), second.undo()]);
      },
    };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#container.close(), this.#socket.close(), this.#tokens.stop()]);
  }

  #clientOf(headers: RequestHeaders): Client | undefined {
    const known = this.#tokens.clientOf(headers);
    return known && { client: known.client, mayHave: ({ name }) => known.roles.includes(name) };
  }
}

function containerRole({ role, keeper }: ServedRole): ContainerRole {
  return { name: role.name, roleArn: role.roleArn, session: keeper };
}
