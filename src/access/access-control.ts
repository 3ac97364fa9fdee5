import type { Socket } from 'node:net';
import type { Config, RoleConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { groupOf, userOf } from '../platform/accounts.ts';
import { peerUsers, type PeerUsers } from '../platform/peer-user.ts';
import { accessError } from './access-errors.ts';
import { isAllowed, unknownNames, type Accounts } from './access-rule.ts';
import { rememberedAccounts } from './remembered-accounts.ts';

export type DoorKind = 'imds' | 'container' | 'socket';

export interface AccessControlParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  readonly peerUsers?: () => Promise<PeerUsers>;
  readonly accounts?: Accounts;
}

const QUIET_MS = 60_000;

/** Who may have a role, by the user of the connection. Nothing is looked up as long as no role says `allow` and no audit log wants to know. */
export class AccessControl {
  readonly #parts: AccessControlParts;
  readonly #accounts: Accounts;
  #peers: PeerUsers | undefined;
  /** Looked up when a connection comes in: its client may be gone when a request is read. */
  readonly #users = new WeakMap<Socket, number | 'unknown'>();
  /** Role, door and user -> when it was said last. */
  readonly #said = new Map<string, number>();

  constructor(parts: AccessControlParts) {
    this.#parts = parts;
    this.#accounts = rememberedAccounts(parts.accounts ?? { user: userOf, group: groupOf }, parts.clock);
  }

  /**
   * Has to go well before a configuration is used.
   *
   * @throws CodedError ACCESS_CANNOT_BE_CHECKED
   */
  async prepare({ roles, socket, audit }: Config): Promise<void> {
    const restricted = roles.filter(({ allow }) => allow);
    if (restricted.length === 0 && !audit) return;
    const peers = this.#peers ?? (await (this.#parts.peerUsers ?? peerUsers)());
    const names = restricted.map(({ name }) => name).join(', ');
    if (restricted.length > 0 && (!peers.tcp || (socket && !peers.unix)))
      throw accessError('ACCESS_CANNOT_BE_CHECKED', `who asks for ${names} cannot be found out here`);
    this.#peers = peers;
    for (const { name, allow } of restricted)
      for (const unknown of allow ? await unknownNames(allow, this.#accounts) : [])
        this.#parts.log('warn', 'access', {
          role: name,
          ...failureFields(accessError('ACCESS_NAME_UNKNOWN', `there is no ${unknown}`)),
        });
  }

  /** Where it is looked up, and can be. */
  callerOf(connection: Socket | undefined): { readonly uid: number } | undefined {
    const uid = this.#peers && connection ? this.#userOf(connection, this.#peers) : 'unknown';
    return uid === 'unknown' ? undefined : { uid };
  }

  /** For every new connection. */
  readonly connected = (socket: Socket): void => {
    if (this.#peers) this.#userOf(socket, this.#peers);
  };

  /** Without `allow`: everybody at the doors with an address; at the socket root and the daemon's own user, as its file mode says too. */
  async admits({ name, allow }: RoleConfig, door: DoorKind, socket: Socket | undefined): Promise<boolean> {
    const peers = this.#peers;
    if (!allow && (door !== 'socket' || !peers)) return true;
    const uid = peers && socket ? this.#userOf(socket, peers) : 'unknown';
    const isIn = uid !== 'unknown' && (allow ? await isAllowed(allow, uid, this.#accounts) : isOwn(uid));
    if (!isIn) this.#say(name, door, uid);
    return isIn;
  }

  #userOf(socket: Socket, { tcp, unix }: PeerUsers): number | 'unknown' {
    const look = socket.remoteAddress === undefined ? unix : tcp;
    const uid = this.#users.get(socket) ?? look?.(socket) ?? 'unknown';
    this.#users.set(socket, uid);
    return uid;
  }

  /** Once a minute for each user. */
  #say(role: string, door: DoorKind, uid: number | 'unknown'): void {
    const key = `${role} ${door} ${uid}`;
    const now = this.#parts.clock.now();
    if (Math.abs(now - (this.#said.get(key) ?? -Infinity)) < QUIET_MS) return;
    this.#said.set(key, now);
    const denied = accessError('ACCESS_DENIED', `user ${uid} may not have role ${role}`);
    this.#parts.log('warn', 'access denied', { role, door, uid, ...failureFields(denied) });
  }
}

function isOwn(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}
