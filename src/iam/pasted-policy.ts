// A file with a policy: the document itself, or an answer of the AWS CLI that contains it.
import * as v from 'valibot';
import type { Policy } from './evaluate.ts';
import { iamError } from './iam-errors.ts';
import { permissionsPolicySchema, type PolicyDocument, trustPolicySchema } from './policy-document.ts';
import { checkedPolicy } from './policy-json.ts';

/** A role as far as its file says: a trust policy alone has no settings. */
export interface PastedRole {
  readonly trustPolicy: PolicyDocument;
  readonly arn: string | undefined;
  readonly maxSessionDuration: number | undefined;
  readonly boundaryArn: string | undefined;
}

const roleSchema = v.object({
  AssumeRolePolicyDocument: v.unknown(),
  Arn: v.optional(v.string()),
  MaxSessionDuration: v.optional(v.number()),
  PermissionsBoundary: v.optional(v.object({ PermissionsBoundaryArn: v.optional(v.string()) })),
});

/**
 * A trust policy, or the answer of GetRole.
 *
 * @throws CodedError POLICY_INVALID, POLICY_ELSEWHERE
 */
export function pastedRole(written: unknown, file: string): PastedRole {
  const read = v.safeParse(v.object({ Role: roleSchema }), written);
  if (!read.success)
    return {
      trustPolicy: document(trustPolicySchema, plainPolicy(written, file), file),
      ...{ arn: undefined, maxSessionDuration: undefined, boundaryArn: undefined },
    };
  const { AssumeRolePolicyDocument, Arn, MaxSessionDuration, PermissionsBoundary } = read.output.Role;
  return {
    trustPolicy: document(trustPolicySchema, AssumeRolePolicyDocument, file),
    arn: Arn,
    maxSessionDuration: MaxSessionDuration,
    boundaryArn: PermissionsBoundary?.PermissionsBoundaryArn,
  };
}

/**
 * A policy of a role, its boundary or a session policy, or the answer of GetRolePolicy or
 * GetPolicyVersion.
 *
 * @throws CodedError POLICY_INVALID, POLICY_ELSEWHERE
 */
export function pastedPolicy(written: unknown, file: string): Policy {
  return { name: file, ...document(permissionsPolicySchema, plainPolicy(written, file), file) };
}

/** Why the policy may not be the one in force. */
export function pastedPolicyWarnings(written: unknown, file: string): string[] {
  const read = v.safeParse(versionSchema, written);
  return read.success && !read.output.PolicyVersion.IsDefaultVersion
    ? [`${file} has ${read.output.PolicyVersion.VersionId}, which is not the default version: AWS does not apply it`]
    : [];
}

const versionSchema = v.object({ PolicyVersion: v.object({ VersionId: v.string(), IsDefaultVersion: v.boolean() }) });

function document(schema: v.GenericSchema<unknown, PolicyDocument>, written: unknown, file: string): PolicyDocument {
  const checked = checkedPolicy(schema, written);
  if ('problem' in checked) throw iamError('POLICY_INVALID', `${file}: ${checked.problem}`);
  return checked.document;
}

/** Answers with a policy: the member, and the member in it. */
const WITH_POLICY: readonly (readonly [string, string?])[] = [['PolicyDocument'], ['PolicyVersion', 'Document']];

/** Answers that only name policies, and the command that gets one. */
const WITHOUT: Readonly<Record<string, { readonly answer: string; readonly next: string }>> = {
  AttachedPolicies: { answer: 'ListAttachedRolePolicies', next: managedPolicyCommand('POLICY-ARN') },
  Policy: { answer: 'GetPolicy', next: managedPolicyCommand('POLICY-ARN') },
  PolicyNames: {
    answer: 'ListRolePolicies',
    next: 'aws iam get-role-policy --role-name ROLE --policy-name POLICY',
  },
  Role: { answer: 'GetRole', next: 'aws iam list-attached-role-policies --role-name ROLE' },
};

/** Prints the document of a managed policy. */
export function managedPolicyCommand(arn: string): string {
  const version = `aws iam get-policy --policy-arn ${arn} --query Policy.DefaultVersionId --output text`;
  return `aws iam get-policy-version --policy-arn ${arn} --version-id $(${version})`;
}

function plainPolicy(written: unknown, file: string): unknown {
  const answer = Object(written) as Record<string, unknown>;
  const member = WITH_POLICY.find(([name]) => Object.hasOwn(answer, name));
  if (member) {
    const [outer, inner] = member;
    return inner === undefined ? answer[outer] : (Object(answer[outer]) as Record<string, unknown>)[inner];
  }
  const [name, other] = Object.entries(WITHOUT).find(([key]) => Object.hasOwn(answer, key)) ?? [];
  if (name === undefined || other === undefined) return written;
  // It becomes part of command lines, so nothing but the characters of an ARN.
  const arns = [...JSON.stringify(answer[name]).matchAll(/"(arn:aws[a-z-]*:iam::\w+:policy\/[\w+=,.@/-]+)"/g)];
  const commands =
    name === 'Role' || arns.length === 0 ? [other.next] : arns.map(([, arn = '']) => managedPolicyCommand(arn));
  const what = `${file} is the answer of ${other.answer}, which has no such policy`;
  throw iamError('POLICY_ELSEWHERE', `${what}: run ${commands.map((one) => `\`${one}\``).join(', ')}`);
}
