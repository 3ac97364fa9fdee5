import type { IncomingMessage } from 'node:http';
import { openRelay, type Relay } from './relay.ts';

/**
 * One request as received by the services, which answer 200 only to a signature of an issued
 * session.
 */
export interface SignedRequest {
  /** Empty if signed with an empty key, undefined if unsigned. */
  readonly accessKeyId: string | undefined;
  readonly status: number;
}

/** A proxy for the emulator's STS and S3 that records the requests of one client. */
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
