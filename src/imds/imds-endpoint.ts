import type { AddressInfo, Socket } from 'node:net';
import type { RoleConfig } from '../config/config.ts';
import type { ServerLimits } from '../endpoints/bounded-server.ts';
import { endpointError } from '../endpoints/endpoint-errors.ts';
import type { HeldSession } from '../endpoints/held-session.ts';
import { listenAt } from '../endpoints/listen.ts';
import { buildListener, type ListenerParts } from '../endpoints/listener.ts';
import { requestGuard } from '../endpoints/request-guard.ts';
import { isLoopback } from '../foundation/address.ts';
import type { Clock } from '../foundation/clock.ts';
import { type Log, withFields } from '../foundation/logger.ts';
import { limitHops } from '../platform/hop-limit.ts';
import { parseArn, roleName } from '../rolesanywhere/arn.ts';
import { servedRoleArn } from '../rolesanywhere/role-target.ts';
import { failure } from './answer.ts';
import { imdsHandler } from './imds-handler.ts';
import { metadataTokens } from './metadata-token.ts';

export interface ImdsEndpoint {
  /**
   * For AWS_EC2_METADATA_SERVICE_ENDPOINT: without a trailing slash, which Java and .NET would
   * double. Undefined if only other endpoints serve the role.
   */
  readonly url: string | undefined;
  /** Stops listening at once, so that another endpoint can, and finishes running requests. */
  readonly close: () => Promise<void>;
}

export interface ImdsEndpointParts {
  readonly session: HeldSession;
  /** The key of metadata tokens. */
  readonly tokenKey: Buffer;
  readonly limits: ServerLimits;
  readonly answered?: ListenerParts['answered'] | undefined;
  /** Descriptor of a listening socket, used instead of the configured address. */
  readonly socket?: number | undefined;
  readonly admits: (connection: Socket | undefined) => boolean | Promise<boolean>;
  readonly connected: (connection: Socket) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens the IMDS endpoint of one role.
 *
 * @throws CodedError ENDPOINT_ADDRESS_IN_USE, ENDPOINT_CANNOT_LISTEN or
 * ENDPOINT_SOCKET_NOT_LOOPBACK.
 */
export async function openImdsEndpoint(role: RoleConfig, parts: ImdsEndpointParts): Promise<ImdsEndpoint> {
  const { imds } = role;
  if (!imds) return { url: undefined, close: () => Promise.resolve() };
  const { socket: descriptor, log } = parts;
  const server = await buildListener(listenerParts(role, imds, parts));
  const { address, close } = await listenAt(server, { ...imds, descriptor }, `role ${role.name}`);
  const { address: host } = server.address() as AddressInfo;
  if (descriptor !== undefined && !isPermitted(host, imds.host)) {
    await close();
    throw endpointError(
      'ENDPOINT_SOCKET_NOT_LOOPBACK',
      `role ${role.name} was given a socket that listens on ${address}`,
    );
  }
  if (imds.hopLimit !== undefined) await limitHops(server, imds.hopLimit, log);
  return { url: address, close };
}

function listenerParts(
  role: RoleConfig,
  imds: NonNullable<RoleConfig['imds']>,
  { session, tokenKey, limits, answered, admits, connected, clock, log }: ImdsEndpointParts,
): ListenerParts {
  const arn = parseArn(servedRoleArn(role), 'role');
  return {
    kind: 'imds',
    guard: requestGuard(imds),
    handler: imdsHandler({
      endpoint: imds,
      role: { name: roleName(arn), accountId: arn.accountId, partition: arn.partition },
      session,
      tokens: metadataTokens({ key: tokenKey, listener: role.name }),
      admits,
      clock,
    }),
    failure,
    limits,
    ...(answered && { answered }),
    connected,
    clock,
    log: withFields(log, { role: role.name, endpoint: 'imds' }),
  };
}

/** The configured address was checked before. A socket unit must follow the same rule. */
function isPermitted(address: string, configured: string): boolean {
  return address === configured || isLoopback(address);
}
