import { errorFactory } from '../foundation/errors.ts';

export const iamErrors = {
  ATTRIBUTE_NOT_TAGGABLE:
    'Issue the certificate without it, or remove it from the attribute mappings of the profile: run `imds-anywhere policy show CERTIFICATE`, which prints the commands. IAM Roles Anywhere may refuse every call.',
  NOTHING_TO_TRUST:
    'Choose another --for, or issue the certificate with a CN of letters, digits, spaces and _ . : / = + - @ only.',
  POLICY_DENIES: 'Compare both sides in the output. If the trust policy denies, use the one that the output proposes.',
  POLICY_ELSEWHERE: 'Save the output of the named command in a file, and give that file to the option.',
  POLICY_INVALID:
    'Correct the policy document at the named element. See the IAM User Guide, "IAM JSON policy reference".',
  PROFILE_UNREADABLE: 'Set --profile to a file with the output of `aws rolesanywhere get-profile`.',
} as const;

export const iamError = errorFactory(iamErrors, 'refused', {
  POLICY_ELSEWHERE: 'usage',
  POLICY_INVALID: 'usage',
  PROFILE_UNREADABLE: 'usage',
});
