import { shellWord } from '../foundation/shell-word.ts';
import { mappingCommands } from '../iam/aws-commands.ts';
import { DEFAULT_MAPPINGS } from '../iam/session-tags.ts';
import { type Setup, UNKNOWN_ARNS } from './setup.ts';

const HEAD = '#!/bin/sh\n';
const START = 'set -eu\ncd "$(dirname "$0")"';

export function createScript(setup: Setup): string {
  const { name, region, authority, role, profile } = setup;
  const source =
    authority.acmPcaArn === undefined
      ? '"sourceType=CERTIFICATE_BUNDLE,sourceData={x509CertificateData=$(cat trust-anchor.pem)}"'
      : `sourceType=AWS_ACM_PCA,sourceData={acmPcaArn=${authority.acmPcaArn}}`;
  const roleName = shellWord(role.name);
  return [
    `${HEAD}# Creates trust anchor, role and profile with the AWS CLI. If it fails, delete what it has created, then run it again.`,
    START,
    // Version 1 of the AWS CLI reads the second only.
    `export AWS_REGION=${region} AWS_DEFAULT_REGION=${region}`,
    `anchor=$(aws rolesanywhere create-trust-anchor --name ${name} --enabled \\`,
    `  --source ${source} \\`,
    '  --query trustAnchor.trustAnchorArn --output text)',
    `role=$(aws iam create-role --role-name ${roleName} --max-session-duration ${role.maxSessionDuration} \\`,
    `  --assume-role-policy-document "$(sed "s|${UNKNOWN_ARNS.trustAnchorArn}|$anchor|" trust-policy.json)" \\`,
    '  --query Role.Arn --output text)',
    ...(role.permissions
      ? [
          `aws iam put-role-policy --role-name ${roleName} --policy-name ${roleName} --policy-document file://permissions.json`,
        ]
      : []),
    ...role.managedPolicyArns.map(
      (arn) => `aws iam attach-role-policy --role-name ${roleName} --policy-arn ${shellWord(arn)}`,
    ),
    `profile=$(aws rolesanywhere create-profile --name ${name} --enabled --role-arns "$role" \\`,
    `  --duration-seconds ${profile.durationSeconds} --query profile.profileArn --output text)`,
    ...mappingLines(setup),
    ...(authority.revocationList === undefined ? [] : ['sh import-crl.sh "$anchor"']),
    'sh set-arns.sh "$anchor" "$profile" "$role"',
    '',
  ].join('\n');
}

function mappingLines({ region, profile }: Setup): string[] {
  if (!profile.mappings) return [];
  return mappingCommands(DEFAULT_MAPPINGS, profile.mappings, `--profile-id "\${profile##*/}" --region ${region}`);
}

/** For the other forms too: a CRL is replaced more often than a stack, and CloudFormation documents no encoding. */
export function importScript({ name, region }: Setup): string {
  return `${HEAD}# Imports revocation-list.pem for the trust anchor: sh import-crl.sh TRUST-ANCHOR-ARN
# Later lists: aws rolesanywhere update-crl --region ${region} --crl-id ID --crl-data fileb://revocation-list.pem
${START}
aws rolesanywhere import-crl --region ${region} --name ${name} --enabled \\
  --crl-data fileb://revocation-list.pem --trust-anchor-arn "$1" --query crl.crlId --output text
`;
}

/** @param file - with the placeholders. */
export function setArnsScript(file: string): string {
  return `${HEAD}# Writes the ARNs into ${file}, in any order: sh set-arns.sh TRUST-ANCHOR-ARN PROFILE-ARN ROLE-ARN
${START}
[ $# -gt 0 ] || { echo "set-arns.sh: no ARN was given" >&2; exit 1; }
for arn in "$@"; do
  case $arn in
    arn:*:rolesanywhere:*:trust-anchor/*) word=${UNKNOWN_ARNS.trustAnchorArn} ;;
    arn:*:rolesanywhere:*:profile/*) word=${UNKNOWN_ARNS.profileArn} ;;
    arn:*:iam::*:role/*) word=${UNKNOWN_ARNS.roleArn} ;;
    *) echo "set-arns.sh: $arn is no ARN of a trust anchor, profile or role" >&2; exit 1 ;;
  esac
  sed "s|$word|$arn|" ${file} > ${file}.new
  mv ${file}.new ${file}
  grep -q ": $arn$" ${file} || { echo "set-arns.sh: ${file} already has another ARN in place of $word" >&2; exit 1; }
done
`;
}
