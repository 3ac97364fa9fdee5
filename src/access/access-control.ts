import type { Socket } from 'node:net';
import type { AccessConfig, Config, RoleConfig } from '../config/config.ts';
import type { EndpointKind } from '../endpoints/listener.ts';
import type { Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayRarely } from '../foundation/say-once.ts';
import { groupOf, userOf } from '../platform/accounts.ts';
import { processOfUser } from '../platform/process-name.ts';
import { accessError } from './access-errors.ts';
import { type Accounts, isAllowed, unknownNames } from './access-rule.ts';
import { afterwards, type Peer, type PeerUser, type PeerUsers, peerUsers, type Soon } from './peer-user.ts';
import { rememberedAccounts } from './remembered-accounts.ts';

export interface AccessControlParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly peerUsers?: () => Promise<PeerUsers>;
  readonly accounts?: Accounts;
  readonly processName?: (pid: number, uid: number) => string | undefined;
}

/** The user at the other end of a connection. */
export interface Caller extends Peer {
  /**
   * The name of the process that connected, read when the connection came in: later, its number may
   * belong to another process.
   */
  readonly process?: string;
}

export interface Denial {
  readonly role: string;
  readonly endpoint: EndpointKind;
  /** Undefined: unknown. */
  readonly caller: Caller | undefined;
}

/** How long a user stays admitted without another evaluation of the rule, which costs more than the rest of a read. */
const ADMITTED_MS = 1_000;

/**
 * Decides who may use a role, by the user of the connection. Looks up nothing unless a role has
 * `allow` or there is an audit log.
 */
export class AccessControl {
  readonly #parts: AccessControlParts;
  readonly #accounts: Accounts;
  #peers: PeerUsers | undefined;
  #denied: (denial: Denial) => void = () => undefined;
  /** Looked up when a connection comes in, because its client may be gone when a request is read. */
  readonly #callers = new WeakMap<Socket, Soon<Caller | undefined> | 'unknown'>();
  /** By rule and user: until when, on the monotonic clock. A new configuration has rules of its own. */
  readonly #admitted = new WeakMap<AccessConfig, Map<number, number>>();
  readonly #said = new SayRarely();

  constructor(parts: AccessControlParts) {
    this.#parts = parts;
    this.#accounts = rememberedAccounts(parts.accounts ?? { user: userOf, group: groupOf }, parts.clock);
  }

  /** The listener gets the same denials as the log. */
  onDenied(listener: (denial: Denial) => void): void {
    this.#denied = listener;
  }

  /**
   * Must succeed before a configuration is used.
   *
   * @throws CodedError ACCESS_CANNOT_BE_CHECKED
   */
  async prepare({ roles, socket, audit }: Config): Promise<void> {
    const restricted = roles.filter(({ allow }) => allow);
    if (restricted.length === 0 && !audit) return;
    const peers = this.#peers ?? (await (this.#parts.peerUsers ?? peerUsers)());
    const names = restricted.map(({ name }) => name).join(', ');
    if (restricted.length > 0 && (!peers.tcp || (socket && !peers.unix)))
      throw accessError('ACCESS_CANNOT_BE_CHECKED', `the users of clients of ${names} cannot be determined here`);
    this.#peers = peers;
    for (const { name, allow } of restricted)
      for (const { what, failure } of allow ? await unknownNames(allow, this.#accounts) : [])
        this.#parts.log('warn', 'access', {
          role: name,
          ...failureFields(
            failure === undefined
              ? accessError('ACCESS_NAME_UNKNOWN', `there is no ${what}`)
              : accessError('ACCESS_LOOKUP_FAILED', `${what} cannot be looked up`, failure),
          ),
        });
  }

  /** Undefined: no role or log needs the user, or the user cannot be determined. Known after {@link admits}. */
  callerOf(connection: Socket | undefined): Caller | undefined {
    const caller = this.#look(connection);
    return caller instanceof Promise ? undefined : caller;
  }

  /** Called for every new connection. */
  readonly connected = (socket: Socket): void => {
    this.callerOf(socket);
  };

  /**
   * Without `allow`: everyone at the endpoints with an address; root and the daemon's own user at
   * the socket. If the users of a socket are unknown, no role has `allow`, and its file mode admits
   * no others.
   */
  admits(role: RoleConfig, endpoint: EndpointKind, socket: Socket | undefined): boolean | Promise<boolean> {
    const caller = this.#look(socket);
    if (caller instanceof Promise) return caller.then((known) => this.#decide(role, endpoint, known));
    return this.#decide(role, endpoint, caller);
  }

  #decide({ name, allow }: RoleConfig, endpoint: EndpointKind, caller: Caller | undefined): boolean | Promise<boolean> {
    if (!allow && (endpoint !== 'socket' || !this.#peers?.unix)) return true;
    if (allow) return this.#isAdmitted(allow, caller) || this.#allows(allow, { role: name, endpoint, caller });
    if (caller && isOwn(caller.uid)) return true;
    this.#say({ role: name, endpoint, caller }, undefined);
    return false;
  }

  #isAdmitted(allow: AccessConfig, caller: Caller | undefined): boolean {
    const until = caller && this.#admitted.get(allow)?.get(caller.uid);
    return until !== undefined && this.#parts.clock.monotonic() < until;
  }

  #admit(allow: AccessConfig, { uid }: Caller): void {
    const users = this.#admitted.get(allow) ?? new Map<number, number>();
    this.#admitted.set(allow, users.set(uid, this.#parts.clock.monotonic() + ADMITTED_MS));
  }

  async #allows(allow: AccessConfig, denial: Denial): Promise<boolean> {
    const { caller } = denial;
    try {
      if (caller && (await isAllowed(allow, caller.uid, this.#accounts))) {
        this.#admit(allow, caller);
        return true;
      }
      this.#say(denial, undefined);
    } catch (error) {
      this.#say(denial, { error });
    }
    return false;
  }

  #look(socket: Socket | undefined): Soon<Caller | undefined> {
    if (!this.#peers || !socket) return undefined;
    const { tcp, unix } = this.#peers;
    const known = this.#callers.get(socket) ?? this.#lookUp(socket, socket.remoteAddress === undefined ? unix : tcp);
    return known === 'unknown' ? undefined : known;
  }

  #lookUp(socket: Socket, look: PeerUser | undefined): Soon<Caller | undefined> {
    const note = (peer: Peer | undefined): Caller | undefined => {
      const caller = peer && this.#withProcess(peer);
      this.#callers.set(socket, caller ?? 'unknown');
      return caller;
    };
    const caller = afterwards(look?.(socket), note);
    if (caller instanceof Promise) this.#callers.set(socket, caller);
    return caller;
  }

  #withProcess(peer: Peer): Caller {
    if (peer.pid === undefined) return peer;
    const name = (this.#parts.processName ?? processOfUser)(peer.pid, peer.uid);
    return name === undefined ? peer : { ...peer, process: name };
  }

  /**
   * Once a minute for each user and reason.
   *
   * @param lookup - why it is unknown whether the user may use the role.
   */
  #say(denial: Denial, lookup: { readonly error: unknown } | undefined): void {
    const { role, endpoint, caller: { uid } = { uid: 'unknown' } } = denial;
    const key = `${role} ${endpoint} ${uid} ${lookup ? 'lookup' : 'rule'}`;
    if (!this.#said.isDue(key, this.#parts.clock.now())) return;
    const why = lookup
      ? accessError('ACCESS_LOOKUP_FAILED', `cannot determine whether user ${uid} may have role ${role}`, lookup.error)
      : accessError('ACCESS_DENIED', `user ${uid} may not have role ${role}`);
    this.#parts.log('warn', 'access denied', { role, endpoint, uid, ...failureFields(why) });
    this.#denied(denial);
  }
}

function isOwn(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}
