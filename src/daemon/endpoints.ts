import type { AccessControl } from '../access/access-control.ts';
import type { EndpointSnapshot, RoleSnapshot } from '../admin/snapshot.ts';
import type { Config, RoleConfig } from '../config/config.ts';
import { sharedLimits } from '../endpoints/bounded-server.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import { openFilesLimit } from '../platform/open-files.ts';
import type { ActivatedSockets } from './activated-sockets.ts';
import type { RoleChanges } from './config-changes.ts';
import type { Observers } from './observers.ts';
import { openRoleEndpoint } from './role-endpoint.ts';
import { type ServedRole, ServedRoles, type ServedRolesParts } from './served-roles.ts';
import { SharedEndpoints } from './shared-endpoints.ts';

export interface EndpointsParts extends Pick<ServedRolesParts, 'keeperFor'> {
  readonly access: AccessControl;
  readonly sockets: ActivatedSockets;
  /** The key of metadata tokens. */
  readonly tokenKey: Buffer;
  readonly answered: Observers['answered'];
  readonly clock: Clock;
  readonly log: Log;
}

/** All endpoints of the daemon: those of single roles, and those that roles share. */
export class Endpoints {
  readonly #access: AccessControl;
  readonly #served: ServedRoles;
  readonly #shared: SharedEndpoints;
  /** The configuration to serve, from the start of applying it. */
  #roles: readonly RoleConfig[] = [];

  constructor({ keeperFor, access, sockets, tokenKey, answered, clock, log }: EndpointsParts) {
    const limits = sharedLimits(openFilesLimit(), () => this.roles.length + this.#shared.count);
    this.#access = access;
    this.#served = new ServedRoles({
      keeperFor,
      openEndpoint: (role, session) =>
        openRoleEndpoint(role, {
          session,
          tokenKey,
          socket: sockets.take(role.name, this.#roles),
          limits,
          connected: access.connected,
          admits: (connection) => access.admits(this.#asConfigured(role), 'imds', connection),
          answered: (request, answer) => {
            answered('imds', role.name, request, answer);
          },
          clock,
          log,
        }),
    });
    this.#shared = new SharedEndpoints({ roles: () => this.roles, access, limits, answered, clock, log });
  }

  get roles(): readonly ServedRole[] {
    return this.#served.all;
  }

  /** URL of the container endpoint, if there is one. */
  get containerUrl(): string | undefined {
    return this.#shared.containerUrl;
  }

  /** Path of the Unix socket, if there is one. */
  get socketPath(): string | undefined {
    return this.#shared.socketPath;
  }

  /**
   * Opens, moves and closes endpoints for a configuration. One call at a time.
   *
   * @throws CodedError if an endpoint cannot listen, or users cannot be identified; then nothing
   * has changed.
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
      endpoints: [...ownEndpoint(url), ...this.#shared.endpointsOf(role)],
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

  /** An endpoint stays open if only other settings of its role change. */
  #asConfigured(role: RoleConfig): RoleConfig {
    return this.roles.find((served) => served.role.name === role.name)?.role ?? role;
  }
}

function ownEndpoint(url: string | undefined): readonly EndpointSnapshot[] {
  return url === undefined ? [] : [{ kind: 'imds', url }];
}
