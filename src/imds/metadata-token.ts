import { createHmac, randomFillSync, timingSafeEqual } from 'node:crypto';
import { hmacSha256 } from './hmac.ts';

export const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
export const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';

/**
 * IMDSv2 session tokens without a table. A token is `expiry | nonce | MAC` and proves itself. So
 * tokens cannot fill the memory or displace each other, and they survive a restart with the same
 * key.
 */
export interface MetadataTokens {
  /**
   * @param ttlSeconds - 1 to 21600.
   * @param now - milliseconds since the epoch.
   * @returns 56 characters that are safe in a header.
   */
  issue(ttlSeconds: number, now: number): string;
  verify(token: string, now: number): TokenVerdict;
}

/** `expiresAt` in milliseconds since the epoch. */
type TokenVerdict = { readonly valid: true; readonly expiresAt: number } | { readonly valid: false };

const MAX_TTL_SECONDS = 21_600;

const EXPIRY_BYTES = 6;
const SIGNED_BYTES = EXPIRY_BYTES + 12;
/** Its first 24 bytes. */
const MAC_CHARACTERS = 32;
/** 18 and 24 bytes fill their characters completely, so each token has exactly one spelling. */
export const TOKEN_CHARACTERS = 56;
const TOKEN_FORM = /^[A-Za-z0-9_-]{56}$/;
/** Most clients use a token twice in a row; .NET and Go reuse theirs for minutes or hours. A power of two. */
const REMEMBERED_TOKENS = 1_024;
const POOL_BYTES = 4_096;
const INVALID: TokenVerdict = { valid: false };

/**
 * @param options - `key`: at least 32 random bytes. `listener`: identifies the endpoint across
 * restarts. A token of one listener is invalid at another.
 */
export function metadataTokens(options: { readonly key: Buffer; readonly listener: string }): MetadataTokens {
  const listenerKey = createHmac('sha256', options.key).update(`metadata token\0${options.listener}`).digest();
  const hmac = hmacSha256(listenerKey, SIGNED_BYTES);
  const drawNonce = randomPool();
  /** Of the token that is being issued. */
  const issued = Buffer.alloc(SIGNED_BYTES);
  const macOf = (signed: Buffer): string => hmac(signed).slice(0, MAC_CHARACTERS);
  /** So that a token that is used again needs no HMAC. */
  const proven = new RecentTokens();

  const prove = (token: string): number | undefined => {
    if (!TOKEN_FORM.test(token)) return undefined;
    const signed = Buffer.from(token.slice(0, -MAC_CHARACTERS), 'base64url');
    if (!timingSafeEqual(Buffer.from(macOf(signed)), Buffer.from(token.slice(-MAC_CHARACTERS)))) return undefined;
    const expiresAt = signed.readUIntBE(0, EXPIRY_BYTES);
    proven.set(token, expiresAt);
    return expiresAt;
  };

  return {
    issue(ttlSeconds, now) {
      const expiresAt = now + ttlSeconds * 1_000;
      issued.writeUIntBE(expiresAt, 0, EXPIRY_BYTES);
      drawNonce(issued, EXPIRY_BYTES);
      const token = issued.toString('base64url') + macOf(issued);
      proven.set(token, expiresAt);
      return token;
    },
    verify(token, now) {
      const expiresAt = proven.get(token) ?? prove(token);
      return expiresAt !== undefined && isWithinLife(expiresAt, now) ? { valid: true, expiresAt } : INVALID;
    },
  };
}

/**
 * Recent tokens, each in the one place that its nonce gives. A newer token takes the place of an older
 * one, which then needs its HMAC again. A map would cost a growing table for every few hundred tokens.
 */
class RecentTokens {
  readonly #tokens = Array<string>(REMEMBERED_TOKENS).fill('');
  readonly #expiries = Array<number>(REMEMBERED_TOKENS).fill(0);

  get(token: string): number | undefined {
    const place = placeOf(token);
    return token !== '' && this.#tokens[place] === token ? this.#expiries[place] : undefined;
  }

  set(token: string, expiresAt: number): void {
    const place = placeOf(token);
    this.#tokens[place] = token;
    this.#expiries[place] = expiresAt;
  }
}

/** From the first characters of the nonce. Any text has a place. */
function placeOf(token: string): number {
  return (token.charCodeAt(8) ^ (token.charCodeAt(9) << 3) ^ (token.charCodeAt(10) << 5)) & (REMEMBERED_TOKENS - 1);
}

/**
 * The upper limit is for a clock that was years ahead and was corrected: tokens of that time must
 * not last for years.
 */
function isWithinLife(expiresAt: number, now: number): boolean {
  return expiresAt > now && expiresAt - now <= 2 * MAX_TTL_SECONDS * 1_000;
}

/**
 * Fills the rest of a buffer with random bytes. Draws many at once, because a draw for each token would
 * take longer than the rest of it. No byte is used twice.
 */
function randomPool(): (into: Buffer, from: number) => void {
  const pool = Buffer.alloc(POOL_BYTES);
  let next = POOL_BYTES;
  return (into, from) => {
    const count = into.length - from;
    if (next + count > POOL_BYTES) {
      randomFillSync(pool);
      next = 0;
    }
    pool.copy(into, from, next, next + count);
    next += count;
  };
}

/**
 * The time to live of a token request; undefined unless the header is present once, as a plain
 * integer in range.
 */
export function requestedTtl(headerValues: readonly string[]): number | undefined {
  const [value, ...more] = headerValues;
  if (value === undefined || more.length > 0 || !/^[1-9]\d{0,4}$/.test(value)) return undefined;
  const seconds = Number(value);
  return seconds <= MAX_TTL_SECONDS ? seconds : undefined;
}
