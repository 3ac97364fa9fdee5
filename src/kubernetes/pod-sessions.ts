import { isDeepStrictEqual } from 'node:util';
import type { RoleConfig } from '../config/config.ts';
import type { AskingPod } from '../endpoints/answer.ts';
import type { HeldSession } from '../endpoints/held-session.ts';
import type { Clock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { sessionOwner } from '../rolesanywhere/role-target.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import type { PodIdentity } from './pod-token.ts';

/** Keeps a session until the signal aborts. */
export interface PodKeeper extends HeldSession {
  run(signal: AbortSignal): Promise<void>;
}

export interface PodSessionsParts<Keeper> {
  /**
   * Puts the pod into the tags of the session.
   *
   * @param configured - the current configuration of the role.
   */
  readonly keeperFor: (role: RoleConfig, configured: () => RoleConfig, pod: AskingPod) => Keeper;
  readonly clock: Clock;
}

/** A node runs 110 pods by default. Those of an hour of short jobs are still here when the next ones come. */
const MOST_SESSIONS = 1_000;
/** How often sessions of pods that are gone are looked for. */
const SWEEP_MS = 60_000;

interface PodSession<Keeper> extends HeldSession {
  role: RoleConfig;
  readonly pod: PodIdentity;
  readonly keeper: Keeper;
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
  /** Milliseconds since the epoch. The pod asks again before that, or it is gone. */
  neededUntil: number;
}

/**
 * One session for each pod and role, with the pod in its tags. It begins with the first request of
 * the pod and ends with the token of that request, or with the last session that the pod has got.
 */
export class PodSessions<Keeper extends PodKeeper = PodKeeper> {
  readonly #parts: PodSessionsParts<Keeper>;
  readonly #sessions = new Map<string, PodSession<Keeper>>();
  #sweeping: AbortController | undefined;

  constructor(parts: PodSessionsParts<Keeper>) {
    this.#parts = parts;
  }

  get keepers(): readonly Keeper[] {
    return [...this.#sessions.values()].map(({ keeper }) => keeper);
  }

  /** @param role - assumed with another one. */
  of(role: RoleConfig, pod: PodIdentity): HeldSession | CodedError {
    const key = JSON.stringify([role.name, pod.namespace, pod.serviceAccount, pod.pod, pod.podUid]);
    const known = this.#sessions.get(key);
    if (known) {
      known.neededUntil = Math.max(known.neededUntil, pod.expiresAt);
      return known;
    }
    if (this.#sessions.size >= MOST_SESSIONS) this.#sweep();
    if (this.#sessions.size >= MOST_SESSIONS)
      return kubernetesError('POD_SESSIONS_FULL', `${MOST_SESSIONS} pods of this node have a session of their own`);
    const started = this.#started(role, pod);
    this.#sessions.set(key, started);
    if (this.#sweeping?.signal.aborted ?? true) void this.#sweepAtTimes();
    return started;
  }

  /**
   * Ends the sessions that a new configuration does not grant, or grants otherwise. Its other
   * settings are those of the next call, as for a role. Resolves when the ended calls have ended.
   *
   * @param granted - the role of the new configuration, if the pod may use it.
   */
  async keepOnly(granted: (name: string, pod: PodIdentity) => RoleConfig | undefined): Promise<void> {
    await this.#end((session) => {
      const role = granted(session.role.name, session.pod);
      if (!role || !isDeepStrictEqual(sessionOwner(role), sessionOwner(session.role))) return true;
      session.role = role;
      return false;
    });
  }

  #started(role: RoleConfig, pod: PodIdentity): PodSession<Keeper> {
    const { namespace, serviceAccount, pod: name, podUid } = pod;
    const asking = { namespace, serviceAccount, pod: name, podUid };
    const keeper: Keeper = this.#parts.keeperFor(role, () => session.role, asking);
    const stopping = new AbortController();
    const session: PodSession<Keeper> = {
      role,
      pod,
      keeper,
      stopping,
      ended: keeper.run(stopping.signal),
      neededUntil: pod.expiresAt,
      current: () => {
        const given = keeper.current();
        if (given) session.neededUntil = Math.max(session.neededUntil, given.expiration);
        return given;
      },
      waitForFirst: (ms) => keeper.waitForFirst(ms),
    };
    return session;
  }

  /** Runs while there is a session. */
  async #sweepAtTimes(): Promise<void> {
    const sweeping = new AbortController();
    this.#sweeping = sweeping;
    while (!sweeping.signal.aborted) {
      await this.#parts.clock.sleep(SWEEP_MS, sweeping.signal);
      this.#sweep();
    }
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    void this.#end(({ neededUntil }) => neededUntil <= now);
  }

  async #end(isOver: (session: PodSession<Keeper>) => boolean): Promise<void> {
    const over = [...this.#sessions].filter(([, session]) => isOver(session));
    for (const [key, { stopping }] of over) {
      this.#sessions.delete(key);
      stopping.abort();
    }
    if (this.#sessions.size === 0) this.#sweeping?.abort();
    await Promise.all(over.map(([, { ended }]) => ended));
  }
}
