import { errorFactory } from '../foundation/errors.ts';

/** Errors of AssumeRole, the second hop of a chained role. */
export const stsErrors = {
  STS_ASSUME_ROLE_DENIED:
    "Check that assume.roleArn exists. Let its trust policy allow the first role sts:AssumeRole with this external id, session name and tags. Let the first role's policies, its permissions boundary and the session policy of the profile allow sts:AssumeRole on it.",
  STS_SOURCE_IDENTITY_DENIED:
    'Allow sts:SetSourceIdentity in both policies: in the permissions of the first role, and in the trust policy of assume.roleArn. Every session of Roles Anywhere has a source identity, and the second role inherits it.',
  STS_TAG_SESSION_DENIED:
    'Allow sts:TagSession in the permissions of the first role and in the trust policy of assume.roleArn, or remove assume.tags.',
  STS_DURATION_REFUSED:
    "Lower assume.sessionDuration, or raise the second role's MaxSessionDuration. Chained sessions last at most 3600 seconds.",
  STS_PACKED_POLICY_TOO_LARGE:
    'Shorten assume.policy and assume.tags, or move statements into a managed policy named in assume.policyArns. Tags inherited from the first role count too.',
  STS_MALFORMED_POLICY:
    'Correct assume.policy: it must be a valid identity-based policy, without Principal, of at most 2048 characters.',
  STS_POLICY_UNREADABLE:
    'Check the path in assume.policy.file, let the user of the daemon read it, and write it in UTF-8.',
  STS_POLICY_UNUSABLE:
    'Correct the policy in the file of assume.policy. The current session is served until it expires.',
  STS_PACKED_SIZE_NEAR:
    'Shorten assume.tags, or call once to see whether STS accepts them: AWS does not publish the limit, and this is an estimate.',
  STS_TAGS_REFUSED:
    'Correct assume.tags and assume.transitiveTagKeys: a key may appear once, letter case ignored, and must not repeat a transitive tag of the first role.',
  STS_VALIDATION: 'Correct the value that the message names, under assume of this role.',
  STS_TOKEN_EXPIRED: 'Nothing to do: the session of the first role has expired, and a new one is requested.',
  STS_TOKEN_REFUSED:
    'STS does not know the session of the first role. Check that the region of STS (assume.region) is enabled in its account, and that assume.endpoint belongs to the same service as rolesAnywhere.endpoint.',
  STS_REGION_DISABLED:
    'Enable STS in this region in the account of assume.roleArn (IAM console, Account settings), or set assume.region to another region.',
  STS_INVALID_SIGNATURE: 'Check the clock of this machine (NTP), and that no proxy rewrites requests.',
  STS_REFUSED: 'Read the message of the service. A VPC endpoint policy or a proxy may refuse the call.',
  STS_THROTTLED:
    'The account reached the request rate of STS in this region. The daemon tries again automatically, at spread times.',
  STS_UNAVAILABLE:
    'Temporary failure of the service or a proxy. The daemon tries again automatically; run a command again.',
  STS_UNEXPECTED_STATUS: 'Check assume.endpoint and any proxy on the way: this is not a response of STS.',
  STS_ANSWER_INCOMPLETE: 'Check assume.endpoint and any proxy on the way: the server there does not answer like STS.',
  STS_ANSWER_EXPIRED: 'Check the clock of this machine (NTP): the session had expired before it arrived.',
  STS_ANSWER_TOO_LONG: 'Check the clock of this machine (NTP): no role session lasts longer than 12 hours.',
} as const;

export type StsErrorCode = keyof typeof stsErrors;

export const stsError = errorFactory(stsErrors);
