import type { CredentialDocument } from './imds-client.ts';
import type { SdkReading } from './sdk-client.ts';

interface SeenSession {
  readonly document: CredentialDocument;
  /** Milliseconds since the epoch. */
  readonly expiration: number;
  readonly seenAt: number;
}

const FIELDS = ['Code', 'AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration'] as const;

/**
 * Checks every reading against the promise: 200 is one complete, unexpired session, the same for
 * all clients and never an older one. 503 is allowed only while no known session is valid.
 * Everything else is wrong.
 */
export class ReadingLedger {
  reads = 0;
  served = 0;
  /** 503 while there was no valid session. */
  unavailable = 0;
  /** How often a session expired before the next one came. */
  lapses = 0;
  /** The first hundred wrong readings, in words. */
  readonly wrong: string[] = [];
  wrongCount = 0;
  readonly #sessions = new Map<string, SeenSession>();
  #unverified: CredentialDocument[] = [];
  #lastStatus: 200 | 503 | undefined;
  /** Expiration of the last session that a client got. */
  readonly #latest = new Map<number, number>();

  get lastStatus(): 200 | 503 | undefined {
    return this.#lastStatus;
  }

  /** When the last known session expires, milliseconds since the epoch. */
  get heldUntil(): number {
    return Math.max(0, ...[...this.#sessions.values()].map(({ expiration }) => expiration));
  }

  /** How many different sessions were served. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** The new sessions since the last call, for a caller that asks STS about them. */
  takeNewSessions(): readonly CredentialDocument[] {
    const taken = this.#unverified;
    this.#unverified = [];
    return taken;
  }

  enter(client: number, reading: SdkReading): void {
    this.reads += 1;
    const problem = reading.status === 200 ? this.#served(client, reading) : this.#notServed(reading);
    if (problem !== undefined) this.complain(problem, reading.receivedAt);
  }

  /** @param now - milliseconds since the epoch. */
  complain(problem: string, now: number): void {
    this.wrongCount += 1;
    if (this.wrong.length < 100) this.wrong.push(`${new Date(now).toISOString()} ${problem}`);
  }

  #served(client: number, { body, sentAt, receivedAt }: SdkReading): string | undefined {
    const document = parsed(body);
    if (!document) return `a 200 that is no complete document: ${body.slice(0, 100)}`;
    const expiration = Date.parse(document.Expiration);
    if (!(expiration > sentAt))
      return `${document.AccessKeyId} expired at ${document.Expiration}, before it was asked for`;
    const known = this.#sessions.get(document.AccessKeyId) ?? this.#met({ document, expiration, seenAt: receivedAt });
    const mixed = FIELDS.find((field) => known.document[field] !== document[field]);
    if (mixed) return `${document.AccessKeyId} came with another ${mixed} than before`;
    if (expiration < (this.#latest.get(client) ?? 0)) return `Expiration went back to ${document.Expiration}`;
    this.#latest.set(client, expiration);
    this.served += 1;
    this.#lastStatus = 200;
    return undefined;
  }

  #met(session: SeenSession): SeenSession {
    this.#sessions.set(session.document.AccessKeyId, session);
    this.#unverified.push(session.document);
    return session;
  }

  #notServed({ status, body, sentAt, receivedAt }: SdkReading): string | undefined {
    if (status !== 503) return `status ${status}: ${body.slice(0, 100)}`;
    if (this.#lastStatus === 200 && receivedAt >= this.heldUntil) this.lapses += 1;
    this.#lastStatus = 503;
    for (const { expiration, seenAt, document } of this.#sessions.values())
      if (seenAt <= sentAt && receivedAt < expiration) return `503 while ${document.AccessKeyId} is valid`;
    this.unavailable += 1;
    return undefined;
  }
}

function parsed(body: string): CredentialDocument | undefined {
  try {
    const document = JSON.parse(body) as CredentialDocument;
    const isWhole = FIELDS.every((field) => typeof document[field] === 'string' && document[field] !== '');
    return isWhole && document.Code === 'Success' ? document : undefined;
  } catch {
    return undefined;
  }
}
