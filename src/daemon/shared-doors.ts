import type { AddressInfo } from 'node:net';
import type { Config, ContainerConfig } from '../config/config.ts';
import { ClientTokens } from '../container/client-tokens.ts';
import type { Client, ContainerRole } from '../container/container-routes.ts';
import { buildContainerServer, closeServer } from '../container/container-server.ts';
import type { Clock } from '../foundation/clock.ts';
import { withFields, type Log } from '../foundation/logger.ts';
import type { RequestHeaders } from '../imds/imds-request.ts';
import { requestGuard, type RequestGuard } from '../imds/request-guard.ts';
import { listenError, urlHost } from './door.ts';
import { MovableDoor, type DoorMove, type ListeningDoor } from './movable-door.ts';
import type { ServedRole } from './served-roles.ts';

export interface SharedDoorsParts {
  readonly roles: () => readonly ServedRole[];
  readonly clock: Clock;
  readonly log: Log;
}

/** The doors that serve many roles at one address. */
export class SharedDoors {
  readonly #parts: SharedDoorsParts;
  readonly #tokens: ClientTokens;
  readonly #container: MovableDoor<ContainerConfig>;
  #guard: RequestGuard = requestGuard({ host: '127.0.0.1', allowedHosts: [] });

  constructor(parts: SharedDoorsParts) {
    this.#parts = parts;
    this.#tokens = new ClientTokens(parts);
    this.#container = new MovableDoor(
      ({ host, port }) => `${urlHost(host)}:${port}`,
      (container) => this.#openContainer(container),
    );
  }

  /** `http://127.0.0.1:9913`; undefined: there is none. */
  get containerUrl(): string | undefined {
    return this.#container.address;
  }

  /**
   * Opens what the configuration adds; what it drops closes, and what else it says holds, when that is `done`.
   *
   * @throws CodedError when a door cannot listen; then everything is as it was.
   */
  async move({ container }: Config): Promise<DoorMove> {
    const moved = await this.#container.move(container);
    return {
      done: async () => {
        await this.#tokens.follow(container?.tokens ?? []);
        if (container) this.#guard = requestGuard(container);
        await moved.done();
      },
      undo: moved.undo,
    };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#container.close(), this.#tokens.stop()]);
  }

  async #openContainer(container: ContainerConfig): Promise<ListeningDoor> {
    const { clock, log, roles } = this.#parts;
    const server = buildContainerServer({
      guard: (request) => this.#guard(request),
      roles: () => roles().map(containerRole),
      clientOf: (headers) => this.#clientOf(headers),
      clock,
      log: withFields(log, { door: 'container' }),
    });
    const { host, port } = container;
    try {
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port }, resolve));
    } catch (error) {
      throw await listenError('the container door', container, error);
    }
    const { port: actualPort } = server.address() as AddressInfo;
    return { address: `http://${urlHost(host)}:${actualPort}`, close: () => closeServer(server) };
  }

  #clientOf(headers: RequestHeaders): Client | undefined {
    const known = this.#tokens.clientOf(headers);
    return known && { client: known.client, mayHave: ({ name }) => known.roles.includes(name) };
  }
}

function containerRole({ role, keeper }: ServedRole): ContainerRole {
  return { name: role.name, roleArn: role.roleArn, session: keeper };
}
