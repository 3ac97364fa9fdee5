// The composition root: the whole object graph, started in order and stopped in reverse.

import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { AccessControl } from '../access/access-control.ts';
import type { DaemonSnapshot } from '../admin/snapshot.ts';
import type { Config } from '../config/config.ts';
import { type WatchFiles, watchFiles } from '../files/file-watcher.ts';
import type { Clock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { tagWarnings } from '../iam/tag-warnings.ts';
import { readCertificate } from '../identity/certificate.ts';
import { withOutsideKeys } from '../identity/outside-identity.ts';
import { readPassphrase } from '../identity/passphrase.ts';
import { readIdentity } from '../identity/read-identity.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { type ReadIdentity, WatchedIdentity } from '../identity/watched-identity.ts';
import { keyProcesses } from '../keys/ask-key-process.ts';
import type { AskKeyProcess } from '../keys/key-request.ts';
import { observedSigner, SignatureRecord } from '../keys/observed-signer.ts';
import { type OutsideKeys, outsideKeys } from '../keys/outside-keys.ts';
import { PodSessions } from '../kubernetes/pod-sessions.ts';
import { CertificateRenewal } from '../renewal/certificate-renewal.ts';
import { askProgram } from '../renewal/renewal-program.ts';
import { IdentityRollover } from '../sessions/identity-rollover.ts';
import { isSvid } from '../spiffe/spiffe-source.ts';
import { openState, type State } from '../state/state.ts';
import { activatedSockets } from './activated-sockets.ts';
import { needsRestart, type RoleChanges } from './config-changes.ts';
import { EarlyRenewal } from './early-renewal.ts';
import { Endpoints } from './endpoints.ts';
import type { FirstHops } from './first-hops.ts';
import { type Admin, allOf, type Audit, type Observer, openAdminFor, openAudit } from './observers.ts';
import { roleSessions } from './role-sessions.ts';
import type { ServedRole } from './served-roles.ts';
import { tpmStateKey } from './tpm-state-key.ts';

/** The environment of a daemon. */
export interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly environment: Environment;
  /** The User-Agent of requests to the service. */
  readonly userAgent: string;
  /** Default: from files. */
  readonly readIdentity?: ReadIdentity;
  /** Default: chokidar. */
  readonly watch?: WatchFiles;
}

export interface Daemon {
  readonly roles: readonly ServedRole[];
  /** URLs and socket paths of the admin listener. */
  readonly adminAddresses: readonly string[];
  /** The current state. */
  snapshot(): DaemonSnapshot;
  /** URLs and paths of the endpoints that roles share. */
  readonly sharedAddresses: Endpoints['sharedAddresses'];
  /**
   * Applies another configuration, and changes only what differs. One call at a time.
   *
   * @throws CodedError if an endpoint cannot listen; then nothing has changed.
   */
  apply(config: Config): Promise<RoleChanges>;
  /**
   * Why the configuration on disk is not in use; undefined: it is. Shown in status, metrics and
   * STATUS=.
   */
  noteConfiguration(fault: CodedError | undefined): void;
  /** Checks now whether certificate and key have changed. */
  lookAtIdentity(): void;
  /** Opens the audit log's file again by its name. */
  reopenAudit(): void;
  /** Finishes running requests and stops everything. Resolves when nothing is left. */
  stop(): Promise<void>;
}

/**
 * Starts listening, then gets the sessions in the background: the endpoints answer at once, with
 * 503 until there is a session. Problems with files or upstream are logged and retried, never
 * thrown.
 *
 * @throws CodedError if an endpoint cannot listen; then nothing is left running.
 */
export async function startDaemon(config: Config, surroundings: Surroundings): Promise<Daemon> {
  const { clock, log, random } = surroundings;
  const use: InUse = { config, fault: undefined };
  const stopping = new AbortController();
  const access = new AccessControl({ clock, log });
  const audit =
    config.audit &&
    (await openAudit(config.audit, { callerOf: (connection) => access.callerOf(connection), clock, log }));
  if (audit) access.onDenied(audit.denied);
  const observers: Observer[] = audit ? [audit] : [];
  const { exchanged, signed, answered } = allOf(observers);
  const rollover = new IdentityRollover({ clock, log, warningsOf: tagWarningsOf });
  const signatures = new SignatureRecord(clock);
  const ask = keyProcesses(surroundings);
  const keys = observedKeys(outsideKeys(ask), { signatures, signed, clock });
  const files = { readIdentity: withOutsideKeys(readIdentity, keys), watch: watchFiles, ...surroundings };
  const issuance = new CertificateRenewal({
    config: () => use.config.identity,
    ...{ held: rollover, keys, ask: askProgram(surroundings.environment) },
    ...surroundings,
  });
  const identity = new WatchedIdentity(config.identity, { ...files, held: issuance.fromFiles });
  const state = await stateOf(config, ask, surroundings);
  const sessions = roleSessions({
    rolesAnywhere: () => use.config.rolesAnywhere,
    sign: keys.sign,
    identity: () => identity.current(),
    ...{ rollover, state, exchanged, signal: stopping.signal },
    ...surroundings,
  });
  const pods = new PodSessions({ keeperFor: sessions.podKeeperFor, clock });
  const endpoints = new Endpoints({
    keeperFor: sessions.keeperFor,
    podSessions: pods,
    firstHopOf: (role) => sessions.firstHops.stateOf(role),
    access,
    sockets: await activatedSockets(config.roles, surroundings),
    tokenKey: state?.tokenKey ?? randomBytes(32),
    answered,
    keptKeys: state?.clusterKeys,
    ...surroundings,
  });
  const renewal = new EarlyRenewal({
    keepers: () => [...endpoints.roles.map(({ keeper }) => keeper), ...pods.keepers],
    candidate: () => rollover.candidate,
    canWait: () => isSvid(use.config.identity.certificate),
    ...{ clock, random, signal: stopping.signal },
  });
  rollover.onChange((change) => {
    renewal.identityChanged(change);
  });
  const snapshot = snapshots({ clock, use, rollover, signatures, identity, issuance, endpoints });
  const admin = await open({ config, snapshot, observers, endpoints, state, audit, clock, log });
  identity.start();
  issuance.follow(identity, stopping.signal);
  const parts = { use, endpoints, identity, issuance, renewal, state, audit, admin, snapshot, stopping, log };
  return new RunningDaemon({ started: config, firstHops: sessions.firstHops, ...parts });
}

function tagWarningsOf({ certificate }: SigningIdentity): readonly CodedError[] {
  return tagWarnings(readCertificate(certificate));
}

interface SignatureObservers extends Pick<Required<Observer>, 'signed'> {
  readonly signatures: SignatureRecord;
  readonly clock: Clock;
}

function observedKeys(keys: OutsideKeys, { signatures, signed, clock }: SignatureObservers): OutsideKeys {
  const report: typeof signed = (signature) => {
    signatures.note(signature);
    signed(signature);
  };
  return { ...keys, sign: observedSigner(keys.sign, report, clock) };
}

/** The mutable state of the daemon. */
interface InUse {
  config: Config;
  /** Why the configuration on disk is not in use. */
  fault: CodedError | undefined;
}

interface SnapshotParts {
  readonly clock: Clock;
  readonly use: InUse;
  readonly rollover: IdentityRollover;
  readonly signatures: SignatureRecord;
  readonly identity: WatchedIdentity;
  readonly issuance: CertificateRenewal;
  readonly endpoints: Endpoints;
}

function snapshots({
  clock,
  use,
  rollover,
  signatures,
  identity,
  issuance,
  endpoints,
}: SnapshotParts): () => DaemonSnapshot {
  const startedAt = clock.now();
  return () => ({
    now: clock.now(),
    startedAt,
    configurationFault: use.fault,
    endpointFault: endpoints.fault,
    identity: {
      used: rollover.used,
      candidate: rollover.candidate,
      refusal: rollover.refusal,
      fault: identity.fault,
      signatures: signatures.last,
      renewal: issuance.state,
    },
    roles: endpoints.snapshot(),
  });
}

interface OpenParts {
  readonly config: Config;
  readonly snapshot: () => DaemonSnapshot;
  readonly observers: Observer[];
  readonly endpoints: Endpoints;
  readonly state: State | undefined;
  readonly audit: Audit | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens all listeners, or none. @throws CodedError if one cannot listen. */
async function open(parts: OpenParts): Promise<Admin | undefined> {
  const { config, snapshot, observers, endpoints, state, audit, clock, log } = parts;
  let admin: Admin | undefined;
  try {
    admin = config.admin && (await openAdminFor(config.admin, { snapshot, clock, log }));
    if (admin) observers.push(admin.observer);
    await endpoints.apply(config);
    return admin;
  } catch (error) {
    await Promise.all([admin?.listener.close(), state?.close(), audit?.writer.close()]);
    throw error;
  }
}

interface RunningParts {
  /** The configuration at the start. */
  readonly started: Config;
  readonly use: InUse;
  readonly endpoints: Endpoints;
  readonly firstHops: FirstHops;
  readonly identity: WatchedIdentity;
  readonly issuance: CertificateRenewal;
  readonly renewal: EarlyRenewal;
  readonly state: State | undefined;
  readonly audit: Audit | undefined;
  readonly admin: Admin | undefined;
  readonly snapshot: () => DaemonSnapshot;
  readonly stopping: AbortController;
  readonly log: Log;
}

class RunningDaemon implements Daemon {
  readonly #parts: RunningParts;
  readonly snapshot: () => DaemonSnapshot;

  constructor(parts: RunningParts) {
    this.#parts = parts;
    this.snapshot = parts.snapshot;
  }

  get roles(): readonly ServedRole[] {
    return this.#parts.endpoints.roles;
  }

  get adminAddresses(): readonly string[] {
    return this.#parts.admin?.listener.addresses ?? [];
  }

  get sharedAddresses(): Endpoints['sharedAddresses'] {
    return this.#parts.endpoints.sharedAddresses;
  }

  async apply(wanted: Config): Promise<RoleChanges> {
    const { started, use, endpoints, firstHops, identity, issuance, renewal, stopping, log } = this.#parts;
    const previous = use.config;
    use.config = wanted;
    const changes = await endpoints.apply(wanted).catch((error: unknown) => {
      use.config = previous;
      throw error;
    });
    firstHops.keep(wanted.roles);
    if (!isDeepStrictEqual(wanted.identity, previous.identity)) await identity.replace(wanted.identity);
    issuance.follow(identity, stopping.signal);
    for (const notice of needsRestart(started, wanted)) log('warn', 'a restart is needed', failureFields(notice));
    renewal.retryTroubled();
    return changes;
  }

  noteConfiguration(fault: CodedError | undefined): void {
    this.#parts.use.fault = fault;
  }

  lookAtIdentity(): void {
    this.#parts.identity.nudge();
  }

  reopenAudit(): void {
    this.#parts.audit?.writer.reopen();
  }

  async stop(): Promise<void> {
    const { stopping, identity, issuance, endpoints, admin, state, audit } = this.#parts;
    stopping.abort();
    await Promise.all([identity.stop(), issuance.ended(), endpoints.stop(), admin?.listener.close()]);
    await Promise.all([state?.close(), audit?.writer.close()]);
  }
}

async function stateOf(
  config: Config,
  ask: AskKeyProcess,
  { clock, log, environment }: Surroundings,
): Promise<State | undefined> {
  const { state } = config;
  if (!state) return undefined;
  const { directory, key } = state;
  const ownKey =
    key?.from === 'tpm'
      ? tpmStateKey(directory, config.identity, { ask, environment })
      : key && (() => readPassphrase(key, environment));
  return openState({ directory, ownKey, clock, log });
}
