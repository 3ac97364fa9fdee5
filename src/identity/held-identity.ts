import type { CodedError } from '../foundation/errors.ts';
import { asCodedError } from '../foundation/errors.ts';
import { isoSeconds, type Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { SigningIdentity } from './signing-identity.ts';

export interface LoadedIdentity {
  readonly identity: SigningIdentity;
  /** What is accepted, but will not stay so. */
  readonly warnings: readonly CodedError[];
}

export interface HeldIdentityParts {
  /** Reads the files and proves the pair. */
  readonly load: (signal: AbortSignal) => Promise<LoadedIdentity>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The identity of this moment. The files are read anew for every exchange, so a renewed certificate is used by the next one;
 * what cannot be proven never replaces what was.
 */
export function heldIdentity({
  load,
  clock,
  log,
}: HeldIdentityParts): (signal: AbortSignal) => Promise<SigningIdentity> {
  let held: SigningIdentity | undefined;
  let said: string | undefined;

  const say = (error: CodedError, level: 'warn' | 'error'): void => {
    if (said !== error.code) log(level, 'signing identity', failureFields(error));
    said = error.code;
  };

  const accept = ({ identity, warnings }: LoadedIdentity): SigningIdentity => {
    if (held?.fingerprint !== identity.fingerprint) log('info', 'signing identity loaded', identityFields(identity));
    held = identity;
    const [warning] = warnings;
    if (warning) say(warning, 'warn');
    else said = undefined;
    return identity;
  };

  return async (signal) => {
    try {
      return accept(await load(signal));
    } catch (error) {
      const coded = asCodedError(error);
      if (!held || held.notAfter <= clock.now()) throw coded;
      say(coded, 'warn');
      return held;
    }
  };
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
