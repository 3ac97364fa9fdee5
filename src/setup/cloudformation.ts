import { stringify } from 'yaml';
import { type Format, resources } from './resources.ts';
import type { Setup } from './setup.ts';

/** Its only output is the three ARNs, separated by spaces, for set-arns.sh. */
export function cloudFormation(setup: Setup): string {
  const { certificates = { Ref: CERTIFICATES } } = setup.authority;
  const format: Format = {
    arnOf: (id) => ({ 'Fn::GetAtt': [id, id === 'Role' ? 'Arn' : `${id}Arn`] }),
    certificates,
    document: (policy) => policy,
  };
  const template = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `IAM Roles Anywhere for ${setup.name}`,
    ...(needsParameter(setup) && { Parameters: { [CERTIFICATES]: { Type: 'String', Description: 'PEM of the CA' } } }),
    Resources: Object.fromEntries(
      resources(setup, format).map(({ id, type, properties }) => [id, { Type: type, Properties: properties }]),
    ),
    Outputs: {
      Arns: { Value: { 'Fn::Join': [' ', (['TrustAnchor', 'Profile', 'Role'] as const).map(format.arnOf)] } },
    },
  };
  // Readers of YAML 1.1 take an unquoted 2012-10-17 for a date.
  return stringify(template, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

/** A parameter has 4096 bytes at most, so the certificates of a known CA are part of the template. */
const CERTIFICATES = 'TrustAnchorCertificates';

function needsParameter({ authority }: Setup): boolean {
  return authority.certificates === undefined && authority.acmPcaArn === undefined;
}

export function cloudFormationCommands(setup: Setup): readonly string[] {
  const { name, region } = setup;
  const parameter = needsParameter(setup)
    ? ` \\\n  --parameter-overrides "${CERTIFICATES}=$(cat trust-anchor.pem)"`
    : '';
  const stack = `--region ${region} --stack-name ${name}`;
  return [
    `aws cloudformation deploy ${stack} \\\n  --template-file cloudformation.yaml --capabilities CAPABILITY_NAMED_IAM${parameter}`,
    `sh set-arns.sh $(aws cloudformation describe-stacks ${stack} \\\n  --query 'Stacks[0].Outputs[0].OutputValue' --output text)`,
  ];
}
