import type { RoleConfig } from '../config/config.ts';
import type { ImdsEndpoint } from '../imds/imds-endpoint.ts';
import type { SessionKeeper } from '../sessions/session-keeper.ts';
import { type RoleChanges, roleChanges } from './config-changes.ts';

export interface ServedRole {
  readonly role: RoleConfig;
  /** URL of its own endpoint, if there is one. */
  readonly url: string | undefined;
  readonly keeper: SessionKeeper;
}

export interface ServedRolesParts {
  /** @param configured - the current configuration of the role. */
  readonly keeperFor: (role: RoleConfig, configured: () => RoleConfig) => SessionKeeper;
  /** @throws CodedError if it cannot listen. */
  readonly openEndpoint: (role: RoleConfig, keeper: SessionKeeper) => Promise<ImdsEndpoint>;
}

interface OpenRole extends ServedRole, ImdsEndpoint {}

interface Loop {
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
}

/**
 * The served roles, each with its keeper and its endpoint. A new configuration only touches what
 * differs.
 */
export class ServedRoles {
  readonly #parts: ServedRolesParts;
  #open: readonly OpenRole[] = [];
  readonly #loops = new Map<SessionKeeper, Loop>();

  constructor(parts: ServedRolesParts) {
    this.#parts = parts;
  }

  get all(): readonly ServedRole[] {
    return this.#open;
  }

  /**
   * Serves exactly these roles. One call at a time.
   *
   * @throws CodedError if an endpoint cannot listen; then nothing has changed.
   */
  async apply(wanted: readonly RoleConfig[]): Promise<RoleChanges> {
    const changes = roleChanges(this.#open.map(roleOf), wanted);
    const opened = await this.#moveEndpoints(changes);
    this.#open = wanted.flatMap((role) => {
      const open = withSameName(role, opened) ?? withSameName(role, this.#open);
      return open ? [{ ...open, role }] : [];
    });
    this.#runKeepers();
    return changes;
  }

  async stop(): Promise<void> {
    const loops = [...this.#loops.values()];
    for (const { stopping } of loops) stopping.abort();
    await Promise.all(loops.map(({ ended }) => ended));
    await closeAll(this.#open);
  }

  /**
   * Opens new endpoints before it closes old ones. Only an endpoint that blocks a new one closes
   * first, and opens again if that fails.
   */
  async #moveEndpoints({ stop, start, reopen }: RoleChanges): Promise<readonly OpenRole[]> {
    const arriving = [...start, ...reopen];
    const leaving = this.#open.filter(({ role }) => [...stop, ...reopen].some(({ name }) => name === role.name));
    const inTheWay = leaving.filter(({ role }) => arriving.some(isAtPortOf(role)));
    const closed = closeAll(inTheWay);
    try {
      const opened = await this.#openAll(arriving, reopen);
      await closeAll(leaving.filter((open) => !inTheWay.includes(open)));
      return opened;
    } catch (error) {
      const back = await this.#openAll(inTheWay.map(roleOf), inTheWay.map(roleOf));
      this.#open = this.#open.map((open) => withSameName(open.role, back) ?? open);
      throw error;
    } finally {
      await closed;
    }
  }

  /** All or none. Kept roles keep their keeper. */
  async #openAll(roles: readonly RoleConfig[], kept: readonly RoleConfig[]): Promise<readonly OpenRole[]> {
    const opened: OpenRole[] = [];
    try {
      for (const role of roles) {
        const keeper = (kept.includes(role) && withSameName(role, this.#open)?.keeper) || this.#newKeeper(role);
        opened.push({ role, keeper, ...(await this.#parts.openEndpoint(role, keeper)) });
      }
      return opened;
    } catch (error) {
      await closeAll(opened);
      throw error;
    }
  }

  #newKeeper(role: RoleConfig): SessionKeeper {
    const keeper: SessionKeeper = this.#parts.keeperFor(
      role,
      () => this.#open.find((open) => open.keeper === keeper)?.role ?? role,
    );
    return keeper;
  }

  /** A keeper runs as long as its role is served. */
  #runKeepers(): void {
    const served = new Set(this.#open.map(({ keeper }) => keeper));
    for (const [keeper, { stopping }] of this.#loops) if (!served.has(keeper)) stopping.abort();
    for (const keeper of served) if (!this.#loops.has(keeper)) this.#run(keeper);
  }

  #run(keeper: SessionKeeper): void {
    const stopping = new AbortController();
    const ended = keeper.run(stopping.signal).finally(() => this.#loops.delete(keeper));
    this.#loops.set(keeper, { stopping, ended });
  }
}

function roleOf({ role }: ServedRole): RoleConfig {
  return role;
}

function withSameName({ name }: RoleConfig, open: readonly OpenRole[]): OpenRole | undefined {
  return open.find(({ role }) => role.name === name);
}

function isAtPortOf({ imds: mine }: RoleConfig): (other: RoleConfig) => boolean {
  return ({ imds }) => mine !== undefined && mine.port !== 0 && imds?.port === mine.port;
}

async function closeAll(endpoints: readonly ImdsEndpoint[]): Promise<void> {
  await Promise.all(endpoints.map(({ close }) => close()));
}
