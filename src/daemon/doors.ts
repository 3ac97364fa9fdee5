import type { AccessControl } from '../access/access-control.ts';
import type { DoorSnapshot, RoleSnapshot } from '../admin/snapshot.ts';
import type { Config, RoleConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import { openFilesLimit } from '../platform/open-files.ts';
import type { ActivatedSockets } from './activated-sockets.ts';
import { openDoor } from './door.ts';
import { doorLimits } from './door-limits.ts';
import type { Observer } from './observer.ts';
import type { RoleChanges } from './role-changes.ts';
import { ServedRoles, type ServedRole, type ServedRolesParts } from './served-roles.ts';
import { SharedDoors } from './shared-doors.ts';

export interface DoorsParts extends Pick<ServedRolesParts, 'keeperFor'> {
  readonly access: AccessControl;
  readonly sockets: ActivatedSockets;
  /** What metadata tokens are made with. */
  readonly tokenKey: Buffer;
  readonly answered: Observer['answered'];
  readonly clock: Clock;
  readonly log: Log;
}

/** All doors of the daemon: those of single roles, and those that roles share. */
export class Doors {
  readonly #access: AccessControl;
  readonly #served: ServedRoles;
  readonly #shared: SharedDoors;
  /** What is to be served, from the moment on in which it is tried. */
  #roles: readonly RoleConfig[] = [];

  constructor({ keeperFor, access, sockets, tokenKey, answered, clock, log }: DoorsParts) {
    const limits = doorLimits(openFilesLimit(), () => this.roles.length + this.#shared.count);
    this.#access = access;
    this.#served = new ServedRoles({
      keeperFor,
      openDoor: (role, session) =>
        openDoor(role, {
          session,
          tokenKey,
          socket: sockets.take(role.name, this.#roles),
          limits,
          connected: access.connected,
          admits: (connection) => access.admits(this.#asConfigured(role), 'imds', connection),
          answered: (answer) => {
            answered({ role: role.name, door: 'imds' }, answer);
          },
          clock,
          log,
        }),
    });
    this.#shared = new SharedDoors({ roles: () => this.roles, access, limits, answered, clock, log });
  }

  get roles(): readonly ServedRole[] {
    return this.#served.all;
  }

  /** Of the container door, where there is one. */
  get containerUrl(): string | undefined {
    return this.#shared.containerUrl;
  }

  /** Of the Unix socket, where there is one. */
  get socketPath(): string | undefined {
    return this.#shared.socketPath;
  }

  /**
   * Opens, moves and closes what a configuration says. One call at a time.
   *
   * @throws CodedError when a door cannot listen, or nothing tells who asks; then everything is as it was.
   */
  async apply(wanted: Config): Promise<RoleChanges> {
    const former = this.#roles;
    this.#roles = wanted.roles;
    try {
      await this.#access.prepare(wanted);
      return await this.#move(wanted);
    } catch (error) {
      this.#roles = former;
      throw error;
    }
  }

  snapshot(): readonly RoleSnapshot[] {
    return this.roles.map(({ role, keeper, url }) => ({
      role,
      keeper: keeper.state,
      current: keeper.current(),
      doors: [...ownDoor(url), ...this.#shared.doorsOf(role)],
    }));
  }

  async stop(): Promise<void> {
    await Promise.all([this.#shared.stop(), this.#served.stop()]);
  }

  async #move(wanted: Config): Promise<RoleChanges> {
    const moved = await this.#shared.move(wanted);
    const changes = await this.#served.apply(wanted.roles).catch(async (error: unknown) => {
      await moved.undo();
      throw error;
    });
    await moved.done();
    return changes;
  }

  /** A door stays open while what the configuration says of its role changes. */
  #asConfigured(role: RoleConfig): RoleConfig {
    return this.roles.find((served) => served.role.name === role.name)?.role ?? role;
  }
}

function ownDoor(url: string | undefined): readonly DoorSnapshot[] {
  return url === undefined ? [] : [{ kind: 'imds', url }];
}
