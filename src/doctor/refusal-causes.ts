// The service hides several causes behind one sentence. What the steps before the call have
// established rules some of them out.

import type { RolesAnywhereErrorCode } from '../rolesanywhere/rolesanywhere-errors.ts';
import type { Fact } from './step.ts';

interface PossibleCause {
  readonly cause: string;
  /** The facts that rule it out together. Absent: only the account shows it. */
  readonly not?: readonly Fact[];
}

const CAUSES: Partial<Readonly<Record<RolesAnywhereErrorCode, readonly PossibleCause[]>>> = {
  RA_UNTRUSTED_SIGNING_CERTIFICATE: [
    { cause: 'an intermediate certificate is missing from the request', not: ['chain'] },
    { cause: 'the trust anchor has another CA certificate than the chain leads to', not: ['anchor'] },
    { cause: 'identity.trustAnchorBundle is not the certificate of this trust anchor', not: ['anchor'] },
    { cause: 'a CA certificate of the path has a name constraint or a path length that the service enforces' },
  ],
  RA_INSUFFICIENT_CERTIFICATE: [
    { cause: 'the certificate is a CA, lacks digitalSignature, or is signed with SHA-1', not: ['certificate'] },
    { cause: 'the certificate has an extension or a form that the service does not accept' },
  ],
  RA_CERTIFICATE_REVOKED: [{ cause: 'a CRL of the trust anchor lists the serial number of the certificate' }],
  RA_INVALID_SIGNATURE: [
    { cause: 'the clock of this machine is wrong', not: ['clock'] },
    { cause: 'the key does not belong to the certificate', not: ['certificate'] },
    { cause: 'a proxy on the way changes the request' },
  ],
  RA_TRUST_ANCHOR_NOT_FOUND: [
    { cause: 'there is no such trust anchor in this account and region', not: ['anchor'] },
    { cause: 'the trust anchor is disabled', not: ['anchor'] },
  ],
  RA_PROFILE_INVALID: [
    { cause: 'there is no such profile in this account and region', not: ['profile'] },
    { cause: 'the profile is disabled, or has no roles', not: ['profile'] },
  ],
  RA_ROLE_NOT_ON_PROFILE: [{ cause: 'the profile does not list the role', not: ['profile'] }],
  RA_ATTRIBUTES_NOT_MAPPED: [
    { cause: 'an attribute of the certificate has characters that a session tag cannot have', not: ['tags'] },
    { cause: 'an attribute mapping of the profile names an attribute that cannot be a tag', not: ['profile'] },
  ],
  RA_CANNOT_ASSUME_ROLE: [
    { cause: 'the role does not exist, or has another path', not: ['role'] },
    {
      cause: 'the trust policy lacks sts:AssumeRole, sts:TagSession or sts:SetSourceIdentity',
      not: ['trust policy'],
    },
    { cause: 'a condition of the trust policy does not match this certificate or anchor', not: ['trust policy'] },
    { cause: 'a policy of the organization (SCP or RCP) denies it' },
  ],
  RA_REFUSED: [
    { cause: 'the certificate is outside its dates', not: ['certificate', 'clock'] },
    { cause: 'the trust anchor is disabled', not: ['anchor'] },
    { cause: 'the profile is disabled, or requires instance properties', not: ['profile'] },
    { cause: 'the policy of a VPC endpoint denies the call' },
    { cause: 'a proxy on the way refuses the call' },
  ],
};

export interface CausesLeft {
  readonly left: readonly string[];
  readonly ruledOut: readonly string[];
}

/** Empty for refusals with a single meaning that is in their remedy. */
export function causesOf(code: string, facts: readonly Fact[]): CausesLeft {
  const possible = CAUSES[code as RolesAnywhereErrorCode] ?? [];
  const isRuledOut = ({ not }: PossibleCause): boolean => not?.every((fact) => facts.includes(fact)) ?? false;
  return {
    left: possible.filter((one) => !isRuledOut(one)).map(({ cause }) => cause),
    ruledOut: possible.filter(isRuledOut).map(({ cause }) => cause),
  };
}
