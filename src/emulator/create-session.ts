/**
 * CreateSession as documented. The order of checks is undocumented. This goes outwards from the
 * signature: who calls, whom the account trusts, what the profile allows, what the role allows.
 */
import { createHash } from 'node:crypto';
import type { Certificate } from '../identity/certificate.ts';
import type { Account, Profile, TrustAnchor } from './account/account.ts';
import { assumableRole, type AssumeRole, assumeRoleFor } from './assume-role.ts';
import { verifyPath } from './certificate-path.ts';
import type { IssuedSession } from './issued-sessions.ts';
import { denied, deniedInOwnWords, Refusal } from './refusal.ts';
import { type RoleSession, sessionOfRole } from './role-session.ts';
import { readSessionParameters, type SessionParameters } from './session-parameters.ts';
import { type ProvenCaller, verifyX509Authorization } from './signature/x509-authorization.ts';
import type { WireRequest } from './wire-request.ts';

export interface SessionTerms {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly clockToleranceSeconds: number;
  /** Upper limit for sessions, whatever was agreed. */
  readonly grantSeconds: number | undefined;
}

/** The progress of a call. For a refused call, everything up to the failed check. */
interface Attempt {
  readonly certificate?: Certificate;
  readonly parameters?: SessionParameters;
  readonly assumeRole?: AssumeRole;
}

type Granted = Required<Attempt> & { readonly session: RoleSession; readonly subjectArn: string };
/** A granted call whose session has credentials. */
export type Issued = Granted & { readonly session: IssuedSession };
export type Refused = Attempt & { readonly refusal: Refusal };

/** Decides one call, without issuing anything. */
export function createSession(request: WireRequest, account: Account, terms: SessionTerms): Granted | Refused {
  const attempt: { -readonly [Part in keyof Attempt]: Attempt[Part] } = {};
  try {
    const caller = verifyX509Authorization(request, { ...terms, region: account.region });
    const certificate = (attempt.certificate = caller.certificate);
    const parameters = (attempt.parameters = readSessionParameters(request));
    requireTrusted(caller, trustAnchorFor(account, parameters), terms.now);
    const profile = profileFor(account, parameters);
    const assumeRole = (attempt.assumeRole = assumeRoleFor(certificate, profile, parameters));
    const role = assumableRole(account, assumeRole, terms.now);
    const { sessionPolicies } = profile;
    const session = sessionOfRole(
      role,
      { ...terms, ...assumeRole },
      { ...assumeRole, sessionPolicies, transitiveTagKeys: [] },
    );
    return { certificate, parameters, assumeRole, session, subjectArn: subjectArnOf(account, certificate) };
  } catch (error) {
    if (error instanceof Refusal) return { ...attempt, refusal: error };
    throw error;
  }
}

function trustAnchorFor(account: Account, { trustAnchorArn }: SessionParameters): TrustAnchor {
  const anchor = account.trustAnchors.find(({ arn }) => arn === trustAnchorArn);
  if (!anchor)
    throw denied("Specified Trust Anchor wasn't found.", `account.yaml has no trust anchor ${trustAnchorArn}`);
  if (!anchor.enabled) throw deniedInOwnWords('Trust anchor is disabled', `${trustAnchorArn} has enabled: false`);
  return anchor;
}

function requireTrusted({ certificate, chain }: ProvenCaller, anchor: TrustAnchor, now: number): void {
  const verdict = verifyPath(certificate, chain, anchor, now);
  if (verdict.trusted) return;
  throw new Refusal('AccessDeniedException', verdict.message, verdict.detail, verdict.verified);
}

/** The profile, if it accepts this call: it is enabled, lists the role, and allows the rest. */
function profileFor(account: Account, parameters: SessionParameters): Profile {
  const { profileArn, roleArn, roleSessionName, instanceProperties } = parameters;
  const profile = account.profiles.find(({ arn }) => arn === profileArn);
  if (!profile) throw denied('Invalid or empty profile provided.', `account.yaml has no profile ${profileArn}`);
  if (!profile.enabled) throw deniedInOwnWords('Profile is disabled', `${profileArn} has enabled: false`);
  if (!profile.roleArns.includes(roleArn)) {
    throw denied(
      "Requested Role isn't one of those listed in the Profile.",
      `roleArns of ${profileArn} lacks ${roleArn}`,
    );
  }
  if (profile.requireInstanceProperties && instanceProperties.size === 0) {
    throw deniedInOwnWords('Instance properties are required', `${profileArn} has requireInstanceProperties: true`);
  }
  if (roleSessionName !== undefined && !profile.acceptRoleSessionName) {
    throw denied('Not authorized to set roleSessionName', `${profileArn} has acceptRoleSessionName: false`);
  }
  return profile;
}

/** One subject resource per distinct x509Subject, for any certificate. */
function subjectArnOf({ partition, accountId, region }: Account, { subjectText }: Certificate): string {
  const digest = createHash('sha256').update(subjectText).digest('hex');
  const uuid = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  return `arn:${partition}:rolesanywhere:${region}:${accountId}:subject/${uuid}`;
}
