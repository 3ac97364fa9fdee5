/** When a certificate is renewed, as pure rules. Times are milliseconds since the epoch. */
import type { CodedError } from '../foundation/errors.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';

export type Life = Pick<SigningIdentity, 'notBefore' | 'notAfter' | 'fingerprint'>;

/** Consecutive failures. */
export interface RenewalTrouble {
  readonly failure: CodedError;
  readonly attempts: number;
  readonly since: number;
  readonly retryAt: number;
}

/** A new certificate that the service has not granted a session yet. */
export interface RenewalTrial {
  readonly fingerprint: string;
  /** The fingerprint of the certificate that was in use. */
  readonly replaces: string | undefined;
  readonly startedAt: number;
  /** The program wrote the files, so they may not have been read yet. */
  readonly isOnDisk: boolean;
}

/** The certificates as the rollover has them. */
export interface Held {
  readonly used: Pick<SigningIdentity, 'fingerprint'> | undefined;
  readonly candidate: Pick<SigningIdentity, 'fingerprint'> | undefined;
  readonly refusal: { readonly restsUntil: number } | undefined;
}

/** Hosts whose certificates were issued at the same time must not all ask the CA at the same time. */
const SPREAD = 0.05;

/**
 * When a certificate is due: after the part `at` of its life, and up to a twentieth of the life
 * later. The fingerprint decides: it differs between hosts, and stays the same after a restart.
 */
export function dueAt({ notBefore, notAfter, fingerprint }: Life, at: number): number {
  const share = Number.parseInt(fingerprint.slice(0, 8), 16) / 2 ** 32;
  return notBefore + (notAfter - notBefore) * (at + SPREAD * share);
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** A minute, and less for certificates of minutes, so that several attempts fit into the rest. */
export function shortestWait({ notBefore, notAfter }: Life): number {
  return Math.min(MINUTE_MS, Math.max(5_000, (notAfter - notBefore) / 20));
}

/**
 * The wait doubles with each failure, up to an hour, or an eighth of what remains of the life. Half
 * of it is random.
 *
 * @param random - in [0, 1).
 */
export function afterFailure(
  before: RenewalTrouble | undefined,
  failure: CodedError,
  { life, now, random }: { readonly life: Life | undefined; readonly now: number; readonly random: number },
): RenewalTrouble {
  const attempts = (before?.attempts ?? 0) + 1;
  const shortest = life ? shortestWait(life) : MINUTE_MS;
  const remaining = life ? life.notAfter - now : 0;
  const longest = remaining > 0 ? Math.min(HOUR_MS, remaining / 8) : 5 * MINUTE_MS;
  const wait = Math.max(shortest, Math.min(longest, shortest * 2 ** Math.min(attempts - 1, 20)));
  return {
    failure,
    attempts,
    since: before?.since ?? now,
    retryAt: now + Math.max(shortest, wait * (0.5 + random / 2)),
  };
}

/** How much a failure matters: the end of the certificate is far, near, or very near. */
export type Urgency = 'early' | 'late' | 'last';

/** The first limit is that of CERTIFICATE_EXPIRES_SOON. */
export function urgency(life: Life | undefined, now: number): Urgency {
  if (!life) return 'last';
  const left = (life.notAfter - now) / (life.notAfter - life.notBefore);
  if (left < 0.05) return 'last';
  return left < 0.2 ? 'late' : 'early';
}

/** Files that a program has written are read within this time. */
const READ_MS = 60_000;

/** What has become of a new certificate. */
export function resultOf(
  trial: RenewalTrial,
  { used, candidate, refusal }: Held,
  now: number,
): 'granted' | 'refused' | 'waiting' | 'gone' {
  if (used?.fingerprint === trial.fingerprint) return 'granted';
  if (candidate?.fingerprint === trial.fingerprint) return refusal && refusal.restsUntil > 0 ? 'refused' : 'waiting';
  return trial.isOnDisk && Math.abs(now - trial.startedAt) < READ_MS ? 'waiting' : 'gone';
}
