import type { AccessControl } from '../access/access-control.ts';
import type { EndpointSnapshot, RoleSnapshot } from '../admin/snapshot.ts';
import type { Config, RoleConfig } from '../config/config.ts';
import { containerEndpoint, type ContainerEndpointParts, socketEndpoint } from '../container/container-endpoints.ts';
import type { ContainerRole } from '../container/container-handler.ts';
import { sharedLimits } from '../endpoints/bounded-server.ts';
import { SharedEndpoints } from '../endpoints/shared-endpoints.ts';
import { openImdsEndpoint } from '../imds/imds-endpoint.ts';
import { type ClusterParts, podEndpoint } from '../kubernetes/pod-endpoint.ts';
import { openFilesLimit } from '../platform/open-files.ts';
import { servedRoleArn } from '../rolesanywhere/role-target.ts';
import type { KeeperState } from '../sessions/refresh-policy.ts';
import type { ActivatedSockets } from './activated-sockets.ts';
import type { RoleChanges } from './config-changes.ts';
import type { Observers } from './observers.ts';
import { type ServedRole, ServedRoles, type ServedRolesParts } from './served-roles.ts';

export interface EndpointsParts extends Pick<ServedRolesParts, 'keeperFor'>, ClusterParts {
  /** The state of the first role of a chained one. */
  readonly firstHopOf: (role: RoleConfig) => KeeperState | undefined;
  readonly access: AccessControl;
  readonly sockets: ActivatedSockets;
  /** The key of metadata tokens. */
  readonly tokenKey: Buffer;
  readonly answered: Observers['answered'];
}

/** All endpoints of the daemon: those of single roles, and those that roles share. */
export class Endpoints {
  readonly #access: AccessControl;
  readonly #firstHopOf: EndpointsParts['firstHopOf'];
  readonly #served: ServedRoles;
  readonly #shared: SharedEndpoints;
  /** The configuration to serve, from the start of applying it. */
  #roles: readonly RoleConfig[] = [];

  constructor(given: EndpointsParts) {
    const { keeperFor, firstHopOf, access, sockets, tokenKey, answered, clock, log } = given;
    const limits = sharedLimits(openFilesLimit(), () => this.roles.length + this.#shared.count);
    this.#access = access;
    this.#firstHopOf = firstHopOf;
    this.#served = new ServedRoles({
      keeperFor,
      openEndpoint: (role, session) =>
        openImdsEndpoint(role, {
          session,
          tokenKey,
          socket: sockets.take(role.name, this.#roles),
          limits,
          connected: access.connected,
          admits: (connection) => access.admits(this.#configured(role.name) ?? role, 'imds', connection),
          answered: (request, answer) => {
            answered('imds', role.name, request, answer);
          },
          clock,
          log,
        }),
    });
    const parts: ContainerEndpointParts = {
      roles: () => this.roles.map(containerRole),
      admits: (name, kind, connection) => {
        const role = this.#configured(name);
        return role !== undefined && access.admits(role, kind, connection);
      },
      limits,
      answered: (kind, request, answer) => {
        answered(kind, answer.outcome.role ?? '', request, answer);
      },
      connected: access.connected,
      clock,
      log,
    };
    this.#shared = new SharedEndpoints([
      containerEndpoint(parts),
      podEndpoint({ ...given, ...parts }),
      socketEndpoint(parts),
    ]);
  }

  get roles(): readonly ServedRole[] {
    return this.#served.all;
  }

  /** URLs and paths of the endpoints that roles share. */
  get sharedAddresses(): SharedEndpoints['addresses'] {
    return this.#shared.addresses;
  }

  /** Why an endpoint may reject valid clients. */
  get fault(): SharedEndpoints['fault'] {
    return this.#shared.fault;
  }

  /**
   * Opens, moves and closes endpoints for a configuration. One call at a time.
   *
   * @throws CodedError if an endpoint cannot listen, or users cannot be identified; then nothing
   * has changed.
   */
  async apply(wanted: Config): Promise<RoleChanges> {
    const previous = this.#roles;
    this.#roles = wanted.roles;
    try {
      await this.#access.prepare(wanted);
      return await this.#move(wanted);
    } catch (error) {
      this.#roles = previous;
      throw error;
    }
  }

  snapshot(): readonly RoleSnapshot[] {
    return this.roles.map(({ role, keeper, url }) => ({
      role,
      keeper: keeper.state,
      firstHop: this.#firstHopOf(role),
      current: keeper.current(),
      endpoints: [...ownEndpoint(url), ...this.#shared.endpointsOf(role.name)],
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

  /** The current settings of a role. Its endpoint stays open if only other settings change. */
  #configured(name: string): RoleConfig | undefined {
    return this.roles.find(({ role }) => role.name === name)?.role;
  }
}

function containerRole({ role, keeper }: ServedRole): ContainerRole {
  return { name: role.name, roleArn: servedRoleArn(role), session: keeper };
}

function ownEndpoint(url: string | undefined): readonly EndpointSnapshot[] {
  return url === undefined ? [] : [{ kind: 'imds', url }];
}
