import { randomBytes } from 'node:crypto';
import { Secret } from '../foundation/secret.ts';
import type { RoleSession } from './role-session.ts';

/** A session and its random credentials in the format of real ones. */
export interface IssuedSession extends RoleSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret;
}

/**
 * Long enough that a caller with an expired session gets that error, not one about an unknown
 * session.
 */
const REMEMBERED_AFTER_EXPIRY_MS = 3_600_000;

/** The sessions that STS recognises. The number is limited; the oldest are removed first. */
export class IssuedSessions {
  readonly #byAccessKeyId = new Map<string, IssuedSession>();
  readonly #capacity: number;

  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  /** @param now - milliseconds since the epoch */
  issue(granted: RoleSession, now: number): IssuedSession {
    this.#forgetExpired(now);
    const session = Object.freeze({ ...granted, ...newCredentials() });
    this.#byAccessKeyId.set(session.accessKeyId, session);
    return session;
  }

  /** Includes expired ones: the caller decides. */
  find(accessKeyId: string): IssuedSession | undefined {
    return this.#byAccessKeyId.get(accessKeyId);
  }

  #forgetExpired(now: number): void {
    for (const [accessKeyId, { expiration }] of this.#byAccessKeyId) {
      const full = this.#byAccessKeyId.size >= this.#capacity;
      if (full || expiration + REMEMBERED_AFTER_EXPIRY_MS < now) this.#byAccessKeyId.delete(accessKeyId);
    }
  }
}

/**
 * The formats of STS: ASIA and sixteen characters of base32, forty of base64, a long token with the
 * usual start.
 */
function newCredentials(): Pick<IssuedSession, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'> {
  return {
    accessKeyId: `ASIA${Array.from(randomBytes(16), (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(byte % 32)).join('')}`,
    secretAccessKey: new Secret(randomBytes(30).toString('base64')),
    sessionToken: new Secret(`IQoJb3JpZ2luX2Vj${randomBytes(420).toString('base64')}`),
  };
}
