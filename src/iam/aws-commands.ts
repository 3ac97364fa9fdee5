// Command lines of the AWS CLI that make an account fit a certificate.
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
  return [`aws rolesanywhere create-profile --name PROFILE --enabled --role-arns ${quoted(role)}${region}`];
}

/**
 * Replaces the mapping rules that map attributes which cannot be tags. First deletes: whether
 * PutAttributeMapping adds rules or replaces all of a field is not documented, and this order fits both.
 */
export function mappingCommands(
  untaggable: readonly UntaggableAttribute[],
  taggable: readonly string[],
  mappings: AttributeMappings,
  profileArn: string | undefined,
): string[] {
  const profile = profileArn === undefined ? '--profile-id PROFILE-ID' : profileOption(profileArn);
  return (['x509Subject', 'x509Issuer', 'x509SAN'] as const).flatMap((field) => {
    const ofField = (keys: readonly string[]): string[] =>
      keys.filter((key) => key.startsWith(`${field}/`)).map((key) => key.slice(field.length + 1));
    const bad = ofField(untaggable.map(({ key }) => key));
    const removed = mappings[field].filter((rule) => bad.some((specifier) => covers(rule, specifier)));
    const kept = mappings[field].filter((rule) => !removed.includes(rule));
    const added = ofField(taggable).filter((one) => !kept.some((rule) => covers(rule, one)));
    if (removed.length === 0) return [];
    const command = (name: string): string =>
      `aws rolesanywhere ${name}-attribute-mapping ${profile} --certificate-field ${field}`;
    const rules = [...kept, ...added].map((one) => quoted(`specifier=${one}`));
    return [
      `${command('delete')} --specifiers ${removed.map(quoted).join(' ')}`,
      ...(added.length === 0 ? [] : [`${command('put')} --mapping-rules ${rules.join(' ')}`]),
    ];
  });
}

/** `*` and `Name/*` stand for all. */
function covers(rule: string, specifier: string): boolean {
  if (rule === '*') return true;
  return rule.endsWith('/*') ? specifier.startsWith(rule.slice(0, -1)) : rule === specifier;
}

function profileOption(arn: string): string {
  return `--profile-id ${lastPart(arn)} --region ${regionOf(arn)}`;
}

function regionOf(arn: string): string {
  return arn.split(':')[3] ?? '';
}

function lastPart(arn: string): string {
  return arn.split('/').at(-1) ?? '';
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w.=/:@,+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
