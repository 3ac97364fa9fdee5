import type { Config } from '../config/config.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { OpenListener } from './listen.ts';
import type { EndpointKind } from './listener.ts';

/** Kinds of endpoints that tell clients where they find a role. */
export type RoleEndpointKind = Exclude<EndpointKind, 'admin'>;
/** Kinds that serve many roles at one address. */
export type SharedKind = Exclude<RoleEndpointKind, 'imds'>;

/** What one kind of shared endpoint does. Its listener opens, moves and closes in {@link SharedEndpoints}. */
export interface SharedEndpoint {
  readonly kind: SharedKind;
  /**
   * Its listener in a configuration; undefined: no such endpoint.
   *
   * @throws CodedError if the configuration cannot be applied.
   */
  readonly wanted: (config: Config) => WantedListener | undefined;
  /** Applies all other settings. Never rejects. */
  readonly apply: (config: Config, listener: OpenListener | undefined) => Promise<void>;
  /** Where clients find a role; undefined: no client may use it here. */
  readonly urlOf: (role: string, address: string) => string | undefined;
  /** Why it may reject valid clients. */
  readonly fault?: () => CodedError | undefined;
  readonly stop?: () => Promise<void>;
}

export interface WantedListener {
  /** Its address as text. The same text means the same listener. */
  readonly place: string;
  /** @throws CodedError if it cannot listen. */
  readonly open: () => Promise<OpenListener>;
}

/** Listeners at their new addresses. Call exactly one of the two. */
export interface ListenersMove {
  /** Applies the other settings, and closes the listeners at old addresses. */
  readonly done: () => Promise<void>;
  /** Closes the listeners at new addresses. */
  readonly undo: () => Promise<void>;
}

interface PlacedListener extends OpenListener {
  readonly place: string;
}

/** Endpoints that serve many roles. A listener opens at its new address before the old one closes. */
export class SharedEndpoints {
  readonly #endpoints: readonly SharedEndpoint[];
  #open: ReadonlyMap<SharedEndpoint, PlacedListener> = new Map();

  constructor(endpoints: readonly SharedEndpoint[]) {
    this.#endpoints = endpoints;
  }

  /** Of the open endpoints: `http://127.0.0.1:9913`, or the path of a socket. */
  get addresses(): Readonly<Partial<Record<SharedKind, string>>> {
    return Object.fromEntries([...this.#open].map(([{ kind }, { address }]) => [kind, address]));
  }

  /** The number of open endpoints. */
  get count(): number {
    return this.#open.size;
  }

  /** Of the open endpoints, the first fault. */
  get fault(): CodedError | undefined {
    return [...this.#open.keys()].flatMap((endpoint) => endpoint.fault?.() ?? []).at(0);
  }

  /** The endpoints that serve a role. */
  endpointsOf(role: string): readonly { readonly kind: SharedKind; readonly url: string }[] {
    return [...this.#open].flatMap(([{ kind, urlOf }, { address }]) => {
      const url = urlOf(role, address);
      return url === undefined ? [] : { kind, url };
    });
  }

  /** @throws CodedError if an endpoint cannot be applied or cannot listen; then nothing has changed. */
  async move(config: Config): Promise<ListenersMove> {
    const before = this.#open;
    const moved = new Map<SharedEndpoint, PlacedListener>();
    const listenersOnlyIn = (one: typeof before, other: typeof before): PlacedListener[] =>
      [...one].filter(([endpoint, listener]) => other.get(endpoint) !== listener).map(([, listener]) => listener);
    const undo = async (): Promise<void> => {
      this.#open = before;
      await closeAll(listenersOnlyIn(moved, before));
    };
    try {
      for (const endpoint of this.#endpoints) {
        const listener = await listenerAt(endpoint.wanted(config), before.get(endpoint));
        if (listener) moved.set(endpoint, listener);
      }
    } catch (error) {
      await undo();
      throw error;
    }
    this.#open = moved;
    const done = async (): Promise<void> => {
      for (const endpoint of this.#endpoints) await endpoint.apply(config, moved.get(endpoint));
      await closeAll(listenersOnlyIn(before, moved));
    };
    return { done, undo };
  }

  async stop(): Promise<void> {
    await Promise.all([closeAll([...this.#open.values()]), ...this.#endpoints.map((endpoint) => endpoint.stop?.())]);
    this.#open = new Map();
  }
}

async function listenerAt(
  wanted: WantedListener | undefined,
  current: PlacedListener | undefined,
): Promise<PlacedListener | undefined> {
  if (!wanted || wanted.place === current?.place) return wanted && current;
  return { ...(await wanted.open()), place: wanted.place };
}

async function closeAll(listeners: readonly OpenListener[]): Promise<void> {
  await Promise.all(listeners.map(({ close }) => close()));
}
