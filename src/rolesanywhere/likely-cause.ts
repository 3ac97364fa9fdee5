// The service hides many causes behind one sentence. What this side knows of the certificate, the
// chain and the ARNs names the likely one, before the general remedy.

import { isoSeconds } from '../foundation/clock.ts';
import { CodedError } from '../foundation/errors.ts';
import { DEFAULT_MAPPINGS, untaggableAttributes } from '../iam/session-tags.ts';
import { type Certificate, readCertificate } from '../identity/certificate.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { parseArn, roleName } from './arn.ts';
import { ExchangeFailure } from './exchange-failure.ts';
import type { RoleTarget } from './role-target.ts';
import type { RolesAnywhereErrorCode } from './rolesanywhere-errors.ts';

/** A request that was refused. */
export interface RefusedRequest {
  readonly identity: Pick<SigningIdentity, 'certificate' | 'chain' | 'notBefore' | 'notAfter'>;
  readonly role: RoleTarget;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The same failure. Its remedy begins with the likely cause if there is one. */
export function withLikelyCause(failure: ExchangeFailure, request: RefusedRequest): ExchangeFailure {
  const cause = likelyCause(failure.code, request);
  if (cause === undefined) return failure;
  const { code, message, remedy, kind } = failure;
  return new ExchangeFailure(new CodedError(code, message, `${cause} ${remedy}`, failure.cause, kind), failure);
}

function likelyCause(code: string, request: RefusedRequest): string | undefined {
  const name = CAUSES[code as RolesAnywhereErrorCode];
  try {
    return name && (outsideValidity(request) ?? name(request));
  } catch {
    // An emulator may accept a certificate or an ARN that this side cannot read.
    return undefined;
  }
}

type Cause = (request: RefusedRequest) => string | undefined;

const CAUSES: Partial<Readonly<Record<RolesAnywhereErrorCode, Cause>>> = {
  RA_REFUSED: () => undefined,
  RA_INSUFFICIENT_CERTIFICATE: () => undefined,
  RA_UNTRUSTED_SIGNING_CERTIFICATE: missingIssuer,
  RA_ATTRIBUTES_NOT_MAPPED: untaggable,
  RA_CANNOT_ASSUME_ROLE: comparison,
  RA_TRUST_ANCHOR_NOT_FOUND: ({ role }) => lookUp('trust-anchor', role.trustAnchorArn),
  RA_PROFILE_INVALID: ({ role }) => lookUp('profile', role.profileArn),
  RA_ROLE_NOT_ON_PROFILE: ({ role }) => `${lookUp('profile', role.profileArn)} Its roleArns must have ${role.roleArn}.`,
  RA_DURATION_EXCEEDS_ROLE: ({ role: { roleArn, sessionDuration } }) =>
    `Run \`aws iam update-role --role-name ${roleName(parseArn(roleArn, 'role'))} --max-session-duration ${sessionDuration}\`.`,
};

/** A certificate can expire between two readings of its file. */
function outsideValidity({ identity: { notBefore, notAfter, chain }, now }: RefusedRequest): string | undefined {
  if (notAfter <= now) return `The certificate expired at ${isoSeconds(notAfter)}: renew it.`;
  if (notBefore > now) return `The certificate is not valid before ${isoSeconds(notBefore)}.`;
  const expired = chain.map(readCertificate).find((each) => each.notAfter <= now);
  return expired && `The intermediate ${expired.subjectText} expired at ${isoSeconds(expired.notAfter)}: replace it.`;
}

function missingIssuer({ identity: { certificate, chain } }: RefusedRequest): string {
  const top = readCertificate(chain.at(-1) ?? certificate);
  const sent = chain.length === 0 ? 'no intermediate' : `${chain.length} intermediate${chain.length === 1 ? '' : 's'}`;
  return `The request had ${sent}, so the trust anchor must contain the CA "${top.issuerText}".`;
}

function untaggable({ identity }: RefusedRequest): string | undefined {
  const found = untaggableIn(readCertificate(identity.certificate));
  return found.length === 0 ? undefined : `${found.join('; ')}.`;
}

function untaggableIn(certificate: Certificate): readonly string[] {
  return untaggableAttributes(certificate, DEFAULT_MAPPINGS).map(
    ({ key, value, reason }) => `${key} "${value.slice(0, 100)}" ${reason}`,
  );
}

/** What `policy test` needs, and what no condition can compare. */
function comparison({ identity, role }: RefusedRequest): string {
  const name = roleName(parseArn(role.roleArn, 'role'));
  const without = untaggableIn(readCertificate(identity.certificate)).map((reason) => ` Not a tag: ${reason}.`);
  return `Save the trust policy with \`aws iam get-role --role-name ${name} > trust.json\`.${without.join('')}`;
}

function lookUp(kind: 'trust-anchor' | 'profile', arn: string): string {
  const { region } = parseArn(arn, kind === 'profile' ? 'profile' : 'trust anchor');
  const id = arn.split('/').at(-1) ?? '';
  return `Run \`aws rolesanywhere get-${kind} --region ${region} --${kind}-id ${id}\`.`;
}
