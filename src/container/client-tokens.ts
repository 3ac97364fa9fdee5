import type { ClientTokenConfig } from '../config/config.ts';
import type { RequestHeaders } from '../endpoints/request.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import { TokenKeeper } from './token-keeper.ts';
import { digestOf } from './token-rotation.ts';

interface Kept {
  readonly keeper: TokenKeeper;
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
}

/** The tokens of all clients of the endpoint. */
export class ClientTokens {
  readonly #parts: { readonly clock: Clock; readonly log: Log };
  /** By all settings of the path and owner of the file. */
  #kept: ReadonlyMap<string, Kept> = new Map();

  constructor(parts: { readonly clock: Clock; readonly log: Log }) {
    this.#parts = parts;
  }

  /**
   * Keeps exactly the tokens of these clients. Resolves when their files are written. Never
   * rejects.
   */
  async follow(clients: readonly ClientTokenConfig[]): Promise<void> {
    const before = this.#kept;
    const started: TokenKeeper[] = [];
    this.#kept = new Map(
      clients.map((client) => {
        const key = JSON.stringify([client.file, client.owner, client.group]);
        const kept = before.get(key) ?? this.#start(client, started);
        kept.keeper.client = client;
        return [key, kept];
      }),
    );
    const leaving = [...before].filter(([key]) => !this.#kept.has(key)).map(([, kept]) => kept);
    await Promise.all(leaving.map(end));
    const files = new Set(clients.map(({ file }) => file));
    const forgotten = leaving.filter(({ keeper }) => !files.has(keeper.client.file));
    await Promise.all(forgotten.map(({ keeper }) => keeper.forget()));
    await Promise.all(started.map((keeper) => keeper.look()));
  }

  /**
   * The client whose token a request has. Compares all of them, so that the duration reveals
   * nothing.
   */
  clientOf(headers: RequestHeaders): ClientTokenConfig | undefined {
    const [token = '', ...more] = headers.get('authorization') ?? [];
    const digest = more.length === 0 ? digestOf(token) : undefined;
    if (!digest) return undefined;
    const [keeper] = [...this.#kept.values()].map((kept) => kept.keeper).filter((kept) => kept.accepts(digest));
    return keeper?.client;
  }

  /** Whether some client may use the role. */
  isFor(role: string): boolean {
    return [...this.#kept.values()].some(({ keeper }) => keeper.client.roles.includes(role));
  }

  /** Keeps the files for the next start. */
  async stop(): Promise<void> {
    const kept = [...this.#kept.values()];
    this.#kept = new Map();
    await Promise.all(kept.map(end));
  }

  #start(client: ClientTokenConfig, started: TokenKeeper[]): Kept {
    const keeper = new TokenKeeper(client, this.#parts);
    const stopping = new AbortController();
    started.push(keeper);
    return { keeper, stopping, ended: keeper.run(stopping.signal) };
  }
}

async function end({ stopping, ended }: Kept): Promise<void> {
  stopping.abort();
  await ended;
}
