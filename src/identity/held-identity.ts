import type { CodedError } from '../foundation/errors.ts';
import { isoSeconds, type Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { identityError } from './identity-errors.ts';
import type { SigningIdentity } from './signing-identity.ts';

export interface LoadedIdentity {
  readonly identity: SigningIdentity;
  /** What is accepted, but will not stay so. */
  readonly warnings: readonly CodedError[];
}

/** There is one at last; there is one to try; another one is used. */
export type IdentityChange = 'first' | 'candidate' | 'adopted';

export interface HeldIdentityParts {
  readonly changed: (change: IdentityChange) => void;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/**
 * The identity that is used, and the one that may follow it. Both are proven pairs; but only the service can say whether it takes
 * them, so the old one is not let go before the new one was granted a session.
 */
export class HeldIdentity {
  readonly #parts: HeldIdentityParts;
  #used: SigningIdentity | undefined;
  #candidate: SigningIdentity | undefined;
  #said: string | undefined;

  constructor(parts: HeldIdentityParts) {
    this.#parts = parts;
  }

  /** The identity for the next exchange; undefined while there is none, or it has expired. */
  current(): SigningIdentity | undefined {
    if (!this.#isValid(this.#used) && this.#isValid(this.#candidate)) {
      this.#parts.log('info', 'the old signing identity has expired; the new one is used');
      this.adopt(this.#candidate);
    }
    return this.#isValid(this.#used) ? this.#used : undefined;
  }

  /** The identity in use, expired or not. */
  get used(): SigningIdentity | undefined {
    return this.#used;
  }

  /** A newer identity that no exchange has succeeded with yet. */
  get candidate(): SigningIdentity | undefined {
    return this.#candidate;
  }

  /** Takes what is on disk now: at once where nothing is held, else as a candidate. */
  offer({ identity, warnings }: LoadedIdentity): void {
    this.#warn(warnings);
    const used = this.current();
    if (isSame(this.#candidate ?? this.#used, identity)) return;
    this.#parts.log('info', 'signing identity loaded', identityFields(identity));
    if (used) this.#offerBeside(used, identity);
    else this.#use(identity, this.#used ? 'adopted' : 'first');
  }

  /** The candidate has been granted a session. What has taken its place on disk meanwhile, also the old one again, is tried next. */
  adopt(candidate: SigningIdentity): void {
    const onDisk = this.#candidate ?? this.#used;
    this.#candidate = onDisk === candidate ? undefined : onDisk;
    this.#use(candidate, 'adopted');
    if (this.#candidate) this.#parts.changed('candidate');
  }

  #use(identity: SigningIdentity, change: IdentityChange): void {
    this.#used = identity;
    this.#parts.changed(change);
  }

  #offerBeside(used: SigningIdentity, identity: SigningIdentity): void {
    // The old files are back: nothing is left to be tried.
    this.#candidate = isSame(used, identity) ? undefined : identity;
    if (!this.#candidate) return;
    if (used.subject !== identity.subject) this.#warnOfSubject(used, identity);
    this.#parts.changed('candidate');
  }

  #isValid(identity: SigningIdentity | undefined): identity is SigningIdentity {
    return identity !== undefined && identity.notAfter > this.#parts.clock.now();
  }

  /** Once for each kind: most stay for weeks. */
  #warn([warning]: readonly CodedError[]): void {
    if (warning && this.#said !== warning.code) this.#parts.log('warn', 'signing identity', failureFields(warning));
    this.#said = warning?.code;
  }

  #warnOfSubject(used: SigningIdentity, next: SigningIdentity): void {
    const what = `the subject of the certificate changes from ${used.subject} to ${next.subject}, and with it session tags, source identity and the subject that IAM Roles Anywhere lists`;
    this.#parts.log('warn', 'signing identity', failureFields(identityError('CERTIFICATE_SUBJECT_CHANGED', what)));
  }
}

/** The same certificate with another chain may be refused where it was not before. */
function isSame(one: SigningIdentity | undefined, other: SigningIdentity): boolean {
  return one?.fingerprint === other.fingerprint && Buffer.concat(one.chain).equals(Buffer.concat(other.chain));
}

function identityFields(identity: SigningIdentity): Record<string, unknown> {
  return {
    subject: identity.subject,
    issuer: identity.issuer,
    serial: identity.serial,
    algorithm: identity.algorithm,
    intermediates: identity.chain.length,
    notAfter: isoSeconds(identity.notAfter),
  };
}
