import { isIPv6, type AddressInfo, type Socket } from 'node:net';
import type { RoleConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { messageOf, systemCodeOf } from '../foundation/errors.ts';
import { withFields, type Log } from '../foundation/logger.ts';
import type { ServerLimits } from '../doors/bounded-server.ts';
import { metadataTokens } from '../imds/metadata-token.ts';
import type { DoorAnswer } from '../doors/door-answer.ts';
import type { HeldSession } from '../doors/held-session.ts';
import { buildImdsServer } from '../imds/server.ts';
import { limitHops } from '../platform/hop-limit.ts';
import { portOwner } from '../platform/port-owner.ts';
import { parseArn, roleName } from '../rolesanywhere/arn.ts';
import { isLoopback } from '../rolesanywhere/loopback.ts';
import { daemonError } from './daemon-errors.ts';

export interface OpenDoor {
  /**
   * What AWS_EC2_METADATA_SERVICE_ENDPOINT has to be: no trailing slash, which Java and .NET would double. Undefined for a role
   * that only other doors serve.
   */
  readonly url: string | undefined;
  /** Stops listening at once, so that another may, and lets running requests finish. */
  readonly close: () => Promise<void>;
}

export interface DoorParts {
  readonly session: HeldSession;
  /** What metadata tokens are made with. */
  readonly tokenKey: Buffer;
  readonly limits: ServerLimits;
  /** Told of every answer. */
  readonly answered?: ((answer: DoorAnswer) => void) | undefined;
  /** Descriptor of a socket that listens already, to be used instead of the configured address. */
  readonly socket?: number | undefined;
  readonly admits: (connection: Socket | undefined) => Promise<boolean>;
  readonly connected: (connection: Socket) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws CodedError DOOR_ADDRESS_IN_USE, DOOR_CANNOT_LISTEN or DOOR_SOCKET_NOT_LOOPBACK. */
export async function openDoor(role: RoleConfig, parts: DoorParts): Promise<OpenDoor> {
  if (!role.imds) return { url: undefined, close: () => Promise.resolve() };
  const { session, tokenKey, socket, limits, answered, admits, connected, clock, log } = parts;
  const arn = parseArn(role.roleArn, 'role');
  const deps = {
    door: role.imds,
    role: { name: roleName(arn), accountId: arn.accountId, partition: arn.partition },
    session,
    tokens: metadataTokens({ key: tokenKey, listener: role.name }),
    ...(answered && { answered }),
    admits,
    connected,
    clock,
    log: withFields(log, { role: role.name, door: 'imds' }),
  };
  const server = buildImdsServer(deps, limits);
  const { host, port, hopLimit } = role.imds;
  try {
    await server.listen({ host, port, ...(socket !== undefined && { fd: socket }) });
  } catch (error) {
    throw await listenError(`role ${role.name}`, role.imds, error);
  }
  const actual = server.server.address() as AddressInfo;
  const at = `${urlHost(socket === undefined ? host : actual.address)}:${actual.port}`;
  if (socket !== undefined && !isPermitted(actual.address, host)) {
    await server.close();
    throw daemonError('DOOR_SOCKET_NOT_LOOPBACK', `role ${role.name} was given a socket that listens on ${at}`);
  }
  if (hopLimit !== undefined) await limitHops(server.server, hopLimit, log);
  const close = (): Promise<void> => {
    // Fastify would do it some turns of the event loop later.
    server.server.close();
    return server.close();
  };
  return { url: `http://${at}`, close };
}

/** What the configuration may name was looked at when it was read; a socket unit has to keep to that. */
function isPermitted(address: string, configured: string): boolean {
  return address === configured || isLoopback(urlHost(address));
}

/** @param who - what wanted to listen there. */
export async function listenError(
  who: string,
  { host, port }: { readonly host: string; readonly port: number },
  error: unknown,
): Promise<Error> {
  const what = `${who} cannot listen on ${urlHost(host)}:${port}`;
  return systemCodeOf(error) === 'EADDRINUSE'
    ? daemonError(
        'DOOR_ADDRESS_IN_USE',
        `${what}: ${(await portOwner(port)) ?? 'another process'} listens there`,
        error,
      )
    : daemonError('DOOR_CANNOT_LISTEN', `${what}: ${messageOf(error)}`, error);
}

export function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
