// The composition root: the whole object graph, started in order and stopped in reverse.

import { createHash, randomBytes } from 'node:crypto';
import { isIPv6, type AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { Config, RoleConfig } from './config/config.ts';
import type { Clock } from './foundation/clock.ts';
import { errorFactory, messageOf, systemCodeOf } from './foundation/errors.ts';
import { withFields, type Log } from './foundation/logger.ts';
import { heldIdentity } from './identity/held-identity.ts';
import { identityInThread } from './identity/identity-in-thread.ts';
import { readPassphrase } from './identity/passphrase.ts';
import { metadataTokens } from './imds/metadata-token.ts';
import { buildImdsServer } from './imds/server.ts';
import { portOwner } from './platform/port-owner.ts';
import { parseArn, roleName } from './rolesanywhere/arn.ts';
import { createSessionAt } from './rolesanywhere/create-session.ts';
import { httpsTransport } from './rolesanywhere/https-transport.ts';
import { SessionKeeper, type CreateSession, type CurrentIdentity } from './sessions/session-keeper.ts';
import type { KeptSession } from './state/kept-session.ts';
import { openState, type State } from './state/state.ts';

/** What a daemon takes from the world around it. */
export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What the service is told about the client. */
  readonly userAgent: string;
}

export interface Door {
  readonly role: RoleConfig;
  /** What AWS_EC2_METADATA_SERVICE_ENDPOINT has to be: no trailing slash, which Java and .NET would double. */
  readonly url: string;
  readonly keeper: SessionKeeper;
}

export interface Daemon {
  readonly doors: readonly Door[];
  /** Lets running requests finish and ends everything; resolves when nothing is left. */
  stop(): Promise<void>;
}

export const daemonErrors = {
  DOOR_ADDRESS_IN_USE:
    'Another process listens there (`ss -ltnp` names it): stop it, or give this role another address with imds.listen or --port.',
  DOOR_CANNOT_LISTEN: 'Check that the address belongs to this host and that the user may listen on the port.',
} as const;

const daemonError = errorFactory(daemonErrors);

/**
 * Starts listening, then gets the sessions in the background: the doors answer from the first moment, with 503 until there is
 * something to serve. What is wrong with files or upstream is logged and tried again, never thrown.
 *
 * @throws CodedError when a door cannot listen; then nothing is left running.
 */
export async function startDaemon(config: Config, surroundings: Surroundings): Promise<Daemon> {
  const { clock, log, environment } = surroundings;
  const identity = heldIdentity({
    load: (signal) => identityInThread(config.identity, { now: clock.now(), environment }, signal),
    clock,
    log,
  });
  const createSession = createSessionAt({
    rolesAnywhere: config.rolesAnywhere,
    clock,
    send: httpsTransport({ ...surroundings, ...config.rolesAnywhere }),
  });
  const state = await stateOf(config, surroundings);
  const tokenKey = state?.tokenKey ?? randomBytes(32);
  const stopping = new AbortController();
  const opened: OpenDoor[] = [];
  try {
    for (const role of config.roles) {
      const kept = state?.session(role);
      const forRole: CreateSession = async (current, signal) => {
        const session = await createSession(current, role, signal);
        kept?.keep(session, current.privateKey);
        return session;
      };
      const keeper = keeperFor(role, forRole, identity, surroundings, kept);
      opened.push(await openDoor(role, keeper, tokenKey, surroundings));
    }
  } catch (error) {
    await Promise.all([closeAll(opened), state?.close()]);
    throw error;
  }
  const loops = opened.map(({ keeper }) => keeper.run(stopping.signal));
  return {
    doors: opened,
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
      await Promise.all([closeAll(opened), state?.close()]);
    },
  };
}

function keeperFor(
  role: RoleConfig,
  createSession: CreateSession,
  identity: CurrentIdentity,
  { clock, random, log }: Surroundings,
  kept: KeptSession | undefined,
): SessionKeeper {
  return new SessionKeeper({
    createSession,
    identity,
    clock,
    random,
    phase: hostPhase(role.roleArn),
    log: withFields(log, { role: role.name }),
    ...(kept && { restored: (signal) => kept.restored(async () => (await identity(signal)).privateKey) }),
  });
}

async function stateOf({ state }: Config, { clock, log, environment }: Surroundings): Promise<State | undefined> {
  if (!state) return undefined;
  const { directory, key } = state;
  return openState({ directory, ownKey: key && (() => readPassphrase(key, environment)), clock, log });
}

/** A number in [0, 1) that differs from host to host and stays the same on each. */
function hostPhase(roleArn: string): number {
  const digest = createHash('sha256').update(`${hostname()}\0${roleArn}`).digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}

interface OpenDoor extends Door {
  readonly close: () => Promise<void>;
}

async function openDoor(
  role: RoleConfig,
  keeper: SessionKeeper,
  tokenKey: Buffer,
  { clock, log }: Surroundings,
): Promise<OpenDoor> {
  const arn = parseArn(role.roleArn, 'role');
  const server = buildImdsServer({
    door: role.imds,
    role: { name: roleName(arn), accountId: arn.accountId, partition: arn.partition },
    session: keeper,
    tokens: metadataTokens({ key: tokenKey, listener: role.name }),
    clock,
    log: withFields(log, { role: role.name, door: 'imds' }),
  });
  const { host, port } = role.imds;
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw listenError(`${urlHost(host)}:${port}`, role, error, await portOwner(port));
  }
  const { port: actualPort } = server.server.address() as AddressInfo;
  return { role, keeper, url: `http://${urlHost(host)}:${actualPort}`, close: () => server.close() };
}

function listenError(address: string, role: RoleConfig, error: unknown, owner = 'another process'): Error {
  const what = `role ${role.name} cannot listen on ${address}`;
  return systemCodeOf(error) === 'EADDRINUSE'
    ? daemonError('DOOR_ADDRESS_IN_USE', `${what}: ${owner} listens there`, error)
    : daemonError('DOOR_CANNOT_LISTEN', `${what}: ${messageOf(error)}`, error);
}

function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

async function closeAll(doors: readonly OpenDoor[]): Promise<void> {
  await Promise.all(doors.map(async (door) => door.close()));
}
