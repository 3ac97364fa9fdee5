import { CodedError, errorFactory } from '../foundation/errors.ts';

/** What an account says about a certificate and a role: `imds-anywhere doctor --with-profile`. */
export const accountErrors = {
  ACCOUNT_KEYS_MISSING:
    'Set --with-profile to a profile with aws_access_key_id and aws_secret_access_key. For SSO and roles, `aws configure export-credentials --profile NAME` prints keys for one.',
  ACCOUNT_KEYS_REFUSED: 'Get new keys for this profile: they are expired, deleted or wrong.',
  ACCOUNT_DIFFERS: 'Use keys of the account that the ARNs name, or correct the ARNs in the configuration.',
  ACCOUNT_READ_DENIED:
    'Allow this identity the actions rolesanywhere:GetTrustAnchor, rolesanywhere:GetProfile, rolesanywhere:ListCrls and iam:GetRole.',
  ACCOUNT_NOT_READ: 'Check this call with the AWS CLI and the same profile, then again.',
  ACCOUNT_ANCHOR_MISSING: 'Set trustAnchorArn to one of them.',
  ACCOUNT_ANCHOR_DISABLED: 'Enable the trust anchor: until then, no certificate gets a session.',
  ACCOUNT_ANCHOR_EXPIRED:
    'Renew the certificate of the CA, and give it to the trust anchor with `aws rolesanywhere update-trust-anchor`.',
  ACCOUNT_ANCHOR_OTHER_CA:
    'Add missing intermediates to identity.intermediates, use a certificate of this CA, or set trustAnchorArn to the trust anchor of the issuer.',
  ACCOUNT_CERTIFICATE_REVOKED: 'Get a new certificate from the CA, or remove this one from its revocation list.',
  ACCOUNT_PROFILE_MISSING: 'Set profileArn to one of them.',
  ACCOUNT_PROFILE_DISABLED: 'Enable the profile: until then, it grants no session.',
  ACCOUNT_PROFILE_LACKS_ROLE: 'The list replaces the one of the profile, so it must name every role.',
  ACCOUNT_PROFILE_NEEDS_PROPERTIES:
    'If the service refuses, create a profile without requireInstanceProperties: imds-anywhere sends no instance properties.',
  ACCOUNT_SESSION_NAME_REFUSED: 'Let the profile accept session names, or remove roleSessionName.',
  ACCOUNT_ROLE_MISSING: 'Create the role, or correct roleArn.',
  ACCOUNT_MAPPING_LACKS_TAG:
    'Map the attribute, or remove the condition from the trust policy. Whether put-attribute-mapping adds rules or replaces them is not documented, so the command has them all.',
  ACCOUNT_TRUST_DENIES:
    'Correct the trust policy of the role: save the output in role.json, and run `imds-anywhere policy test --trust-policy role.json --config FILE`, which proposes one.',
  ACCOUNT_DURATION_ABOVE_ROLE: 'Raise the maximum of the role, or lower sessionDuration.',
  ACCOUNT_DURATION_ABOVE_PROFILE: 'Raise the duration of the profile if sessions should last longer.',
  ACCOUNT_SESSION_POLICY_DENIES:
    'Let the session policies of the profile allow sts:AssumeRole and sts:SetSourceIdentity on the role of assume.',
} as const;

export type AccountErrorCode = keyof typeof accountErrors;

export const accountError = errorFactory(accountErrors);

/** With the command that corrects or shows it, at the start of the remedy. */
export function correctable(code: AccountErrorCode, what: string, command: string): CodedError {
  const { message, remedy } = accountError(code, what);
  return new CodedError(code, message, `Run \`${command}\`. ${remedy}`);
}
