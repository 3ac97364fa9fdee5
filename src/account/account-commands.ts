// Command lines of the AWS CLI that show or correct what doctor finds in an account.
import { lastPart, MAPPED_FIELDS, mappingCommands, profileOption, regionOf } from '../iam/aws-commands.ts';
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

/** Adds the attribute of a session tag to those that the profile maps. */
export function mapCommand(profileArn: string, tagKey: string, mappings: AttributeMappings): string {
  const field = MAPPED_FIELDS.find((one) => tagKey.startsWith(`${one}/`)) ?? 'x509Subject';
  const rules = [...mappings[field], tagKey.slice(field.length + 1)];
  return mappingCommands(mappings, { ...mappings, [field]: rules }, profileOption(profileArn)).join(' && ');
}

export function showRoleCommand(roleArn: string): string {
  return `aws iam get-role --role-name ${lastPart(roleArn)}`;
}

export function roleDurationCommand(roleArn: string, seconds: number): string {
  return `aws iam update-role --role-name ${lastPart(roleArn)} --max-session-duration ${seconds}`;
}
