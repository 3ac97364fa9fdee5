/**
 * CreateSession as documented. The order of checks is undocumented. This goes outwards from the
 * signature: who calls, whom the account trusts, what the profile allows, what the role allows.
 */
import { createHash } from 'node:crypto';
import type { Certificate } from '../identity/certificate.ts';
import type { Account, Profile, TrustAnchor } from './account.ts';
import { type AssumeRole, assumeRoleFor, requireAssumable } from './assume-role.ts';
import { verifyPath } from './certificate-path.ts';
import { denied, deniedInOwnWords, Refusal } from './refusal.ts';
import { readSessionParameters, type SessionParameters } from './session-parameters.ts';
import type { WireRequest } from './wire-request.ts';
import { type ProvenCaller, verifyX509Authorization } from './x509-authorization.ts';

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

export interface GrantedSession {
  /** `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION` */
  readonly arn: string;
  /** `AROA...:SESSION` */
  readonly assumedRoleId: string;
  readonly subjectArn: string;
  /** Milliseconds since the epoch, whole seconds. */
  readonly expiration: number;
}

export type Granted = Required<Attempt> & { readonly session: GrantedSession };
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
    requireAssumable(account, assumeRole);
    return { certificate, parameters, assumeRole, session: sessionOf(account, certificate, assumeRole, terms) };
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

/**
 * IAM's unique id of a role is `AROA` and seventeen characters. Here it is derived from the ARN, so
 * that it is stable.
 */
function sessionOf(account: Account, certificate: Certificate, asked: AssumeRole, terms: SessionTerms): GrantedSession {
  const { partition, accountId, region } = account;
  const role = asked.roleArn.split('/').at(-1) ?? '';
  const seconds = Math.min(asked.durationSeconds, terms.grantSeconds ?? Infinity);
  return {
    arn: `arn:${partition}:sts::${accountId}:assumed-role/${role}/${asked.sessionName}`,
    assumedRoleId: `AROA${digest(asked.roleArn).toUpperCase().slice(0, 17)}:${asked.sessionName}`,
    subjectArn: `arn:${partition}:rolesanywhere:${region}:${accountId}:subject/${uuidOf(certificate.subjectText)}`,
    expiration: (Math.floor(terms.now / 1000) + seconds) * 1000,
  };
}

/** One subject resource per distinct x509Subject, for any certificate. */
function uuidOf(text: string): string {
  return digest(text).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
