// The grammar of account.yaml. Field names and ranges follow the Roles Anywhere and IAM APIs, in
// camel case.
import * as v from 'valibot';
import { recordOf } from '../../foundation/complete-record.ts';
import { permissionsPolicySchema, trustPolicySchema } from '../../iam/policy-document.ts';
import { DEFAULT_MAPPINGS } from '../../iam/session-tags.ts';
import { evaluable } from './condition-keys.ts';

const text = v.pipe(v.string('must be a string (quote it)'), v.nonEmpty('must not be empty'));
const flag = (fallback: boolean) => v.optional(v.boolean('must be true or false'), fallback);
const seconds = (least: number, fallback: number) =>
  v.optional(
    v.pipe(
      v.number('must be a number of seconds'),
      v.integer('must be whole seconds'),
      v.minValue(least, `must be at least ${least}`),
      v.maxValue(43_200, 'must be at most 43200'),
    ),
    fallback,
  );
const fileNames = (most: number) =>
  v.pipe(
    v.union([text, v.array(text)], 'must be a file name or a list of file names'),
    v.transform((names) => (typeof names === 'string' ? [names] : names)),
    v.maxLength(most, `must be at most ${most} files`),
  );

const arn = (service: 'iam' | 'rolesanywhere', kind: 'role' | 'profile' | 'trust-anchor') => {
  const region = service === 'iam' ? '' : '[a-z0-9-]+';
  const shape = new RegExp(`^arn:aws(-[a-z-]+)?:${service}:${region}:[0-9]{12}:${kind}/\\S+$`);
  return v.pipe(
    text,
    v.regex(
      shape,
      `must be an ARN such as arn:aws:${service}:${service === 'iam' ? '' : 'REGION'}:123456789012:${kind}/...`,
    ),
  );
};

const policyArn = v.pipe(
  text,
  v.regex(
    /^arn:aws(-[a-z-]+)?:iam::([0-9]{12}|aws):policy\/\S+$/,
    'must be an ARN such as arn:aws:iam::123456789012:policy/...',
  ),
);
const policyArns = v.optional(v.pipe(v.array(policyArn, 'must be a list'), v.maxLength(20, 'must be at most 20')), []);
const permissionsPolicy = evaluable(permissionsPolicySchema);
const tags = v.optional(recordOf(text, v.string('must be a string (quote it)')), {});

const specifier = v.pipe(text, v.maxLength(60, 'must have at most 60 characters'));
const alternativeNameSpecifier = v.pipe(
  text,
  v.regex(/^(?:DNS|URI|Name\/.{1,55})$/, 'must be DNS, URI, Name/* or Name/CN and the like'),
);

const trustAnchor = v.strictObject({
  arn: arn('rolesanywhere', 'trust-anchor'),
  enabled: flag(true),
  certificates: fileNames(2),
  revocationLists: v.optional(fileNames(2), []),
});

const profile = v.strictObject({
  arn: arn('rolesanywhere', 'profile'),
  enabled: flag(true),
  roleArns: v.pipe(
    v.array(arn('iam', 'role'), 'must be a list of role ARNs'),
    v.maxLength(250, 'must be at most 250 roles'),
  ),
  durationSeconds: seconds(900, 3600),
  acceptRoleSessionName: flag(false),
  requireInstanceProperties: flag(false),
  attributeMappings: v.optional(
    v.strictObject({
      x509Subject: v.optional(v.array(specifier), DEFAULT_MAPPINGS.x509Subject),
      x509Issuer: v.optional(v.array(specifier), DEFAULT_MAPPINGS.x509Issuer),
      x509SAN: v.optional(v.array(alternativeNameSpecifier), DEFAULT_MAPPINGS.x509SAN),
    }),
    {},
  ),
  sessionPolicy: v.optional(permissionsPolicy),
  managedPolicyArns: policyArns,
});

const role = v.strictObject({
  arn: arn('iam', 'role'),
  maxSessionDuration: seconds(3600, 3600),
  tags,
  trustPolicy: evaluable(trustPolicySchema),
  policies: v.optional(recordOf(text, permissionsPolicy), {}),
  managedPolicyArns: policyArns,
  permissionsBoundary: v.optional(policyArn),
});

const managedPolicy = v.strictObject({ arn: policyArn, document: permissionsPolicy });

const accountFileSchema = v.strictObject({
  accountId: v.pipe(v.string('must be a string: quote it'), v.regex(/^[0-9]{12}$/, 'must be twelve digits')),
  region: text,
  partition: v.optional(text, 'aws'),
  trustAnchors: v.array(trustAnchor, 'must be a list'),
  profiles: v.array(profile, 'must be a list'),
  roles: v.array(role, 'must be a list'),
  managedPolicies: v.optional(v.array(managedPolicy, 'must be a list'), []),
});

/** The content of account.yaml with defaults, before reading the files it names. */
export type AccountFile = v.InferOutput<typeof accountFileSchema>;

/** Checks the content of account.yaml. Each problem is a line with key path and remedy. */
export function parseAccountFile(
  written: unknown,
): { readonly file: AccountFile } | { readonly problems: readonly string[] } {
  const result = v.safeParse(accountFileSchema, written);
  if (!result.success) return { problems: result.issues.map(problemOf) };
  const problems = crossProblems(result.output);
  return problems.length > 0 ? { problems } : { file: result.output };
}

function problemOf(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? [])
    .map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .slice(1);
  return `${path === '' ? 'the file' : path}: ${explanationOf(issue)}`;
}

function explanationOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'is not a key known here';
  if (issue.type === 'strict_object' && issue.received === 'undefined') return 'is missing';
  if (issue.type === 'strict_object' || issue.type === 'record') return 'must be a mapping';
  return issue.received === 'undefined' ? 'is missing' : issue.message;
}

/**
 * Roles Anywhere rejects anything across accounts and regions. A role of another account can only be
 * the end of a chain.
 */
function crossProblems(file: AccountFile): string[] {
  const { accountId, region, partition, trustAnchors, profiles, roles, managedPolicies } = file;
  const regional = [...listed('trustAnchors', trustAnchors), ...listed('profiles', profiles)];
  const global = [...listed('roles', roles), ...listed('managedPolicies', managedPolicies)];
  const reached = profiles.flatMap(({ roleArns }, index) =>
    roleArns.map((arn, at) => ({ path: `profiles[${index}].roleArns[${at}]`, arn })),
  );
  const foreign = [
    ...regional.filter(({ arn }) => !arn.startsWith(`arn:${partition}:rolesanywhere:${region}:${accountId}:`)),
    ...reached.filter(({ arn }) => !arn.startsWith(`arn:${partition}:iam::${accountId}:`)),
    ...global.filter(({ arn }) => !arn.startsWith(`arn:${partition}:iam::`)),
  ].map(({ path, arn }) => `${path}: ${arn} is not of partition ${partition}, region ${region}, account ${accountId}`);
  const all = [...regional, ...global];
  const repeated = all
    .filter(({ arn }, index) => all.findIndex((other) => other.arn === arn) < index)
    .map(({ path, arn }) => `${path}: ${arn} is defined twice`);
  return [...foreign, ...repeated, ...missingPolicies(file)];
}

function missingPolicies({ profiles, roles, managedPolicies }: AccountFile): string[] {
  const used = [...named('profiles', profiles), ...named('roles', roles)];
  return used
    .filter(({ arn }) => managedPolicies.every((policy) => policy.arn !== arn))
    .map(({ path, arn }) => `${path}: managedPolicies has no ${arn}; add it with its document`);
}

interface NamesPolicies {
  readonly managedPolicyArns: readonly string[];
  readonly permissionsBoundary?: string | undefined;
}

function named(list: string, entries: readonly NamesPolicies[]): { path: string; arn: string }[] {
  return entries.flatMap(({ managedPolicyArns, permissionsBoundary }, index) => [
    ...managedPolicyArns.map((arn, at) => ({ path: `${list}[${index}].managedPolicyArns[${at}]`, arn })),
    ...(permissionsBoundary === undefined
      ? []
      : [{ path: `${list}[${index}].permissionsBoundary`, arn: permissionsBoundary }]),
  ]);
}

function listed(list: string, entries: readonly { readonly arn: string }[]): { path: string; arn: string }[] {
  return entries.map(({ arn }, index) => ({ path: `${list}[${index}].arn`, arn }));
}
