import { commonKeys } from '../iam/access-request.ts';
import { explain } from '../iam/explain.ts';
import { ASSUME_ACTIONS, decideTrust, rolesAnywhereRequest } from '../iam/role-trust.ts';
import {
  defaultSessionName,
  type SessionTags,
  sessionTagsOf,
  sourceIdentityOf,
  unmappedMessage,
} from '../iam/session-tags.ts';
import type { Certificate } from '../identity/certificate.ts';
import type { Account, Profile, Role } from './account/account.ts';
import { denied } from './refusal.ts';
import { tagKeys } from './role-session.ts';
import type { SessionParameters } from './session-parameters.ts';

/**
 * The AssumeRole call with session tags and a source identity that Roles Anywhere makes for the
 * caller.
 */
export interface AssumeRole {
  readonly roleArn: string;
  readonly trustAnchorArn: string;
  readonly sessionName: string;
  readonly sourceIdentity: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly unmapped: SessionTags['unmapped'];
  readonly durationSeconds: number;
}

/** The shorter of the profile's and the requested duration: the service shortens it silently. */
export function assumeRoleFor(certificate: Certificate, profile: Profile, parameters: SessionParameters): AssumeRole {
  return {
    roleArn: parameters.roleArn,
    trustAnchorArn: parameters.trustAnchorArn,
    sessionName: parameters.roleSessionName ?? defaultSessionName(certificate),
    sourceIdentity: sourceIdentityOf(certificate),
    ...sessionTagsOf(certificate, profile.attributeMappings),
    durationSeconds: Math.min(profile.durationSeconds, parameters.durationSeconds ?? Infinity),
  };
}

/**
 * The role, if it accepts the call, or throws `Unable to assume role`. The service uses this sentence for nearly
 * every IAM refusal, so the detail matters most here.
 *
 * @throws Refusal
 */
export function assumableRole(account: Account, asked: AssumeRole, now: number): Role {
  const message = `Unable to assume role for ${asked.roleArn}`;
  const role = account.roles.find(({ arn }) => arn === asked.roleArn);
  if (!role) throw denied(message, `account.yaml has no role ${asked.roleArn}`);
  const failed = failedActions(account, role, { ...asked, now });
  if (failed.length > 0) throw denied(message, `the trust policy of ${role.arn} refuses ${failed.join(' | ')}`);
  requireTaggable(message, asked);
  if (asked.durationSeconds > role.maxSessionDuration) {
    throw denied(
      `${message}. The requested DurationSeconds exceeds the MaxSessionDuration set for this role.`,
      `${asked.durationSeconds} s, the lesser of request and profile, is more than maxSessionDuration ${role.maxSessionDuration} of ${role.arn}`,
    );
  }
  return role;
}

/**
 * Each of the three actions needs its own permission. All are tried, so that the log shows every
 * missing one.
 */
function failedActions(
  { accountId, region }: Account,
  role: Role,
  { now, ...asked }: AssumeRole & { readonly now: number },
): string[] {
  return ASSUME_ACTIONS.flatMap((action) => {
    const request = rolesAnywhereRequest(action, { ...asked, accountId });
    const context = new Map([
      ...request.context,
      ...commonKeys(now, region),
      ...tagKeys('iam:ResourceTag', role.tags),
      ['aws:ResourceAccount', accountId] as const,
      ['aws:PrincipalIsAWSService', 'true'] as const,
    ]);
    const decision = decideTrust(role.trustPolicy, { ...request, context }, accountId);
    return decision.allowed ? [] : [`${action}: ${explain(decision)}`];
  });
}

/**
 * According to the User Guide, such attributes are ignored. Calls with them were refused
 * (aws/rolesanywhere-credential-helper issues 77, 188).
 */
function requireTaggable(message: string, { unmapped }: AssumeRole): void {
  const sentence = unmappedMessage(unmapped);
  if (sentence !== undefined)
    throw denied(`${message}. ${sentence}`, `${sentence}; remove those mappings from the profile`);
}
