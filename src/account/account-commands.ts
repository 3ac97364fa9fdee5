// Command lines of the AWS CLI that show or correct what doctor finds in an account.
import { lastPart, profileOption, quoted, regionOf } from '../iam/aws-commands.ts';
import type { AttributeMappings } from '../iam/session-tags.ts';

export function anchorCommand(verb: 'get' | 'enable', arn: string): string {
  return `aws rolesanywhere ${verb}-trust-anchor --trust-anchor-id ${lastPart(arn)} --region ${regionOf(arn)}`;
}

export function listCommand(what: 'trust-anchors' | 'profiles' | 'crls', arn: string): string {
  return `aws rolesanywhere list-${what} --region ${regionOf(arn)}`;
}

export function enableProfileCommand(arn: string): string {
  return `aws rolesanywhere enable-profile ${profileOption(arn)}`;
}

export function updateProfileCommand(arn: string, ...options: string[]): string {
  return ['aws rolesanywhere update-profile', profileOption(arn), ...options].join(' ');
}

/** With the rules that the field has. */
export function mappingCommand(profileArn: string, tagKey: string, mappings: AttributeMappings): string {
  const field = (['x509Subject', 'x509Issuer', 'x509SAN'] as const).find((one) => isOf(one, tagKey)) ?? 'x509Subject';
  const rules = [...mappings[field], tagKey.slice(field.length + 1)].map((one) => quoted(`specifier=${one}`));
  const options = `--certificate-field ${field} --mapping-rules ${rules.join(' ')}`;
  return `aws rolesanywhere put-attribute-mapping ${profileOption(profileArn)} ${options}`;
}

function isOf(field: string, tagKey: string): boolean {
  return tagKey.toLowerCase().startsWith(`${field.toLowerCase()}/`);
}

export function roleCommand(roleArn: string): string {
  return `aws iam get-role --role-name ${lastPart(roleArn)}`;
}

export function roleDurationCommand(roleArn: string, seconds: number): string {
  return `aws iam update-role --role-name ${lastPart(roleArn)} --max-session-duration ${seconds}`;
}
