import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../foundation/clock.ts';
import { CodedError } from '../foundation/errors.ts';
import type { ClusterKeys } from './cluster-keys.ts';
import type { KeySet } from './key-set.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import type { PodIdentity, VerifyPodToken } from './pod-token.ts';

export interface PodsParts {
  readonly keys: Pick<ClusterKeys, 'current' | 'renew'>;
  readonly verify: VerifyPodToken;
  readonly clock: Clock;
}

/** A node runs 110 pods by default, and each has a new token every eight minutes. */
const MOST_TOKENS = 1_000;
/** How long a request waits for keys of the cluster, like one for the very first session. */
const KEYS_WAIT_MS = 250;

interface VerifiedPod {
  readonly pod: PodIdentity;
  /** With them it was verified. */
  readonly keys: KeySet;
}

/** Finds the pod of a token. Remembers verified tokens until they expire or the keys change. */
export class Pods {
  readonly #parts: PodsParts;
  /** By the SHA-256 of the token. */
  readonly #known = new LRUCache<string, VerifiedPod>({ max: MOST_TOKENS });

  constructor(parts: PodsParts) {
    this.#parts = parts;
  }

  /**
   * At once for a known token.
   *
   * @returns the pod, or why the token is rejected. Never rejects.
   */
  podOf(token: string): PodIdentity | Promise<PodIdentity | CodedError> {
    const { keys, clock } = this.#parts;
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(digest);
    if (!known || known.keys !== keys.current || known.pod.expiresAt <= clock.now())
      return this.#verified(token, digest);
    return known.pod;
  }

  async #verified(token: string, digest: string): Promise<PodIdentity | CodedError> {
    const { keys } = this.#parts;
    try {
      if (!keys.current) await this.#renewed();
      const before = keys.current;
      const verified = await this.#verify(token).catch(async (error: unknown) => {
        if (!(error instanceof CodedError) || error.code !== 'POD_TOKEN_KEY_UNKNOWN') throw error;
        await this.#renewed();
        if (keys.current === before) throw error;
        return this.#verify(token);
      });
      this.#known.set(digest, verified);
      return verified.pod;
    } catch (error) {
      if (error instanceof CodedError) return error;
      throw error;
    }
  }

  async #verify(token: string): Promise<VerifiedPod> {
    const { keys, verify, clock } = this.#parts;
    const { current } = keys;
    if (!current) throw kubernetesError('CLUSTER_KEYS_UNAVAILABLE', 'the keys of the cluster are not known yet');
    return { pod: await verify(token, current, clock.now()), keys: current };
  }

  async #renewed(): Promise<void> {
    const waiting = new AbortController();
    await Promise.race([this.#parts.keys.renew(), this.#parts.clock.sleep(KEYS_WAIT_MS, waiting.signal)]);
    waiting.abort();
  }
}
