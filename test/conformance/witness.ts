import type { IncomingMessage } from 'node:http';
import { openRelay, type Relay } from './relay.ts';

/** One request as the services got it; they answer 200 only to a signature made with a session they issued. */
export interface SignedRequest {
  /** Empty where it was signed with no key, undefined where it was not signed. */
  readonly accessKeyId: string | undefined;
  readonly status: number;
}

/** Stands before the emulator's STS and S3 for one client, and remembers what that client sent. */
export class Witness {
  readonly #relay: Relay;
  readonly seen: readonly SignedRequest[];

  private constructor(relay: Relay, seen: readonly SignedRequest[]) {
    this.#relay = relay;
    this.seen = seen;
  }

  static async before(services: string): Promise<Witness> {
    const seen: SignedRequest[] = [];
    const relay = await openRelay({
      target: () => services,
      passed: ({ message, status }) => seen.push({ accessKeyId: accessKeyIn(message), status }),
    });
    return new Witness(relay, seen);
  }

  get url(): string {
    return this.#relay.url;
  }

  close(): void {
    this.#relay.close();
  }
}

function accessKeyIn({ headers, url = '/' }: IncomingMessage): string | undefined {
  const inQuery = new URL(url, 'http://any').searchParams.get('X-Amz-Credential');
  const credential = inQuery ?? /Credential=([^,\s]*)/.exec(headers.authorization ?? '')?.[1];
  return credential?.split('/')[0];
}
