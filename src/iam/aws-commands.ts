// Command lines of the AWS CLI that make an account fit a certificate.
import { shellWord } from '../foundation/shell-word.ts';
import type { AttributeMappings, UntaggableAttribute } from './session-tags.ts';

/** The ARNs that are known. */
export interface KnownArns {
  readonly trustAnchorArn: string | undefined;
  readonly profileArn: string | undefined;
  readonly roleArn: string | undefined;
}

/** Sets the trust policy of the role, in trust.json. */
export function roleCommands({ roleArn }: KnownArns): string[] {
  if (roleArn !== undefined)
    return [`aws iam update-assume-role-policy --role-name ${lastPart(roleArn)} --policy-document file://trust.json`];
  return ['aws iam create-role --role-name ROLE --assume-role-policy-document file://trust.json'];
}

/** Creates a profile for the role, or shows the one that exists: changing its list of roles replaces the list. */
export function profileCommands({ trustAnchorArn, profileArn, roleArn }: KnownArns): string[] {
  if (profileArn !== undefined) return [`aws rolesanywhere get-profile ${profileOption(profileArn)}`];
  const role = roleArn ?? 'arn:aws:iam::ACCOUNT:role/ROLE';
  const region = trustAnchorArn === undefined ? '' : ` --region ${regionOf(trustAnchorArn)}`;
  return [`aws rolesanywhere create-profile --name PROFILE --enabled --role-arns ${shellWord(role)}${region}`];
}

export const MAPPED_FIELDS = ['x509Subject', 'x509Issuer', 'x509SAN'] as const;

/** The mappings without the rules that map attributes which cannot be tags. */
export function correctedMappings(
  untaggable: readonly UntaggableAttribute[],
  taggable: readonly string[],
  mappings: AttributeMappings,
): AttributeMappings {
  const rules = (field: (typeof MAPPED_FIELDS)[number]): string[] => {
    const ofField = (keys: readonly string[]): string[] =>
      keys.filter((key) => key.startsWith(`${field}/`)).map((key) => key.slice(field.length + 1));
    const bad = ofField(untaggable.map(({ key }) => key));
    const kept = mappings[field].filter((rule) => !bad.some((specifier) => covers(rule, specifier)));
    if (kept.length === mappings[field].length) return kept;
    return [...kept, ...ofField(taggable).filter((one) => !kept.some((rule) => covers(rule, one)))];
  };
  return { x509Subject: rules('x509Subject'), x509Issuer: rules('x509Issuer'), x509SAN: rules('x509SAN') };
}

/** The profile of {@link mappingCommands}, if it exists. */
export function mappedProfile(profileArn: string | undefined): string {
  return profileArn === undefined ? '--profile-id PROFILE-ID' : profileOption(profileArn);
}

/**
 * Replaces the mapping rules of a profile. First deletes: whether PutAttributeMapping adds rules or replaces all
 * of a field is not documented, and this order fits both.
 *
 * @param profile - the options that name the profile.
 */
export function mappingCommands(before: AttributeMappings, after: AttributeMappings, profile: string): string[] {
  return MAPPED_FIELDS.flatMap((field) => {
    const removed = before[field].filter((rule) => !after[field].includes(rule));
    const isExtended = after[field].some((rule) => !before[field].includes(rule));
    const command = (name: string): string =>
      `aws rolesanywhere ${name}-attribute-mapping ${profile} --certificate-field ${field}`;
    const rules = after[field].map((one) => shellWord(`specifier=${one}`));
    return [
      ...(removed.length === 0 ? [] : [`${command('delete')} --specifiers ${removed.map(shellWord).join(' ')}`]),
      ...(isExtended ? [`${command('put')} --mapping-rules ${rules.join(' ')}`] : []),
    ];
  });
}

/** `*` and `Name/*` stand for all. */
function covers(rule: string, specifier: string): boolean {
  if (rule === '*') return true;
  return rule.endsWith('/*') ? specifier.startsWith(rule.slice(0, -1)) : rule === specifier;
}

export function profileOption(arn: string): string {
  return `--profile-id ${lastPart(arn)} --region ${regionOf(arn)}`;
}

export function regionOf(arn: string): string {
  return arn.split(':')[3] ?? '';
}

export function accountIdOf(arn: string): string {
  return arn.split(':')[4] ?? '';
}

export function lastPart(arn: string): string {
  return arn.split('/').at(-1) ?? '';
}
