import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  conditionKeysOf,
  permissionsPolicySchema,
  type PolicyDocument,
  resourcePolicySchema,
  trustPolicySchema,
} from '../../src/iam/policy-document.ts';
import { parsePolicyJson } from '../../src/iam/policy-json.ts';

const ALLOW = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*' };

function problems(schema: v.GenericSchema<unknown, PolicyDocument>, ...statements: object[]): string[] {
  const { issues = [] } = v.safeParse(schema, { Version: '2012-10-17', Statement: statements.flat() });
  return issues.map(({ message }) => message);
}

describe('a policy of a role', () => {
  it.each([
    ['a list', [ALLOW, ALLOW]],
    ['a number in a numeric condition', { ...ALLOW, Condition: { NumericLessThan: { 's3:max-keys': 10 } } }],
    ['a boolean', { ...ALLOW, Condition: { Bool: { 'aws:SecureTransport': true } } }],
    ['a short ARN', { ...ALLOW, Resource: 'arn:aws:s3' }],
    ['*:*', { ...ALLOW, Action: '*:*' }],
    ['the key of a service', { ...ALLOW, Condition: { StringEquals: { 'ec2:ResourceTag/a b': 'x' } } }],
  ])('may have %s', (_, statement) => {
    expect(problems(permissionsPolicySchema, statement)).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['an action without a service', { ...ALLOW, Action: 'GetObject' }, '"GetObject" is not an action'],
    ['a wildcard in a service', { ...ALLOW, Action: 's*:GetObject' }, '"s*:GetObject" is not an action'],
    ['an action with a space', { ...ALLOW, Action: 's3:Get Object' }, '"s3:Get Object" is not an action'],
    ['a resource that is none', { ...ALLOW, Resource: 'b/*' }, '"b/*" is neither an ARN nor "*"'],
    ['both Action and NotAction', { ...ALLOW, NotAction: 's3:*' }, 'needs either Action or NotAction'],
    ['an unclosed variable', { ...ALLOW, Resource: 'arn:aws:s3:::${aws:username' }, 'is not a policy variable'],
    [
      'a variable without quotes around its default',
      { ...ALLOW, Resource: 'arn:aws:s3:::${aws:username, x}' },
      'is not a policy variable',
    ],
    [
      'a variable of a key with several values',
      { ...ALLOW, Resource: 'arn:aws:s3:::${aws:TagKeys}' },
      'a policy variable needs one',
    ],
    [
      'a Sid twice',
      [{ ...ALLOW, Sid: 'One' }, ALLOW, { ...ALLOW, Sid: 'One' }],
      'has two statements with the same Sid',
    ],
    [
      'an unknown global key',
      { ...ALLOW, Condition: { Bool: { 'aws:SecureTransprt': 'true' } } },
      'is not a condition key of AWS',
    ],
    [
      'a key without a service',
      { ...ALLOW, Condition: { Bool: { SecureTransport: 'true' } } },
      'is not a condition key of AWS',
    ],
    [
      'Null with a set',
      { ...ALLOW, Condition: { 'ForAllValues:Null': { 'aws:TagKeys': 'true' } } },
      'is not a condition operator',
    ],
  ])('may not have %s', (_, statement, problem) => {
    expect(problems(permissionsPolicySchema, statement)).toEqual([expect.stringContaining(problem)]);
  });
});

const ODD_SIDS = ['Put objects', 'put-objects', 'Pût'];

it.each(ODD_SIDS)('IAM does not accept the Sid %j', (Sid) => {
  const trusted = { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole', Sid };
  const only = [expect.stringContaining('only letters and digits')];
  expect(problems(permissionsPolicySchema, { ...ALLOW, Sid })).toEqual(only);
  expect(problems(trustPolicySchema, trusted)).toEqual(only);
  // Services decide for themselves. Examples of S3 have spaces.
  expect(problems(resourcePolicySchema, { ...ALLOW, Principal: '*', Sid })).toEqual([]);
});

it('a Sid may be empty, as in many trust policies', () => {
  expect(problems(trustPolicySchema, { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole', Sid: '' })).toEqual(
    [],
  );
});

it('statements without a title may share that', () => {
  const statement = { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole', Sid: '' };
  expect(problems(trustPolicySchema, statement, statement)).toEqual([]);
});

describe('a policy of a resource', () => {
  const statement = { ...ALLOW, Principal: '*' };

  it.each<[string, object, string]>([
    ['no principal', { Principal: undefined }, 'needs either Principal or NotPrincipal'],
    ['NotPrincipal with Allow', { Principal: undefined, NotPrincipal: '*' }, 'IAM supports it with Deny only'],
    ['a short ARN', { Resource: 'arn:aws:s3:*' }, 'is not an ARN of six parts'],
    ['a principal with a wildcard', { Principal: { AWS: 'arn:aws:iam::111122223333:role/*' } }, 'without wildcards'],
    ['the unique id of a role', { Principal: { AWS: 'AROAEXAMPLEEXAMPLE123' } }, 'or the ARN of a role'],
  ])('may not have %s', (_, change, problem) => {
    expect(problems(resourcePolicySchema, { ...statement, ...change })).toEqual([expect.stringContaining(problem)]);
  });

  it.each([
    { AWS: ['111122223333', 'arn:aws-cn:iam::111122223333:root'] },
    { Federated: 'arn:aws:iam::111122223333:saml-provider/x' },
    { CanonicalUser: '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be' },
  ])('may have the principal %j', (principal) => {
    expect(problems(resourcePolicySchema, { ...statement, Principal: principal })).toEqual([]);
  });
});

it('a trust policy has no resource', () => {
  const statement = { ...ALLOW, Principal: '*', Action: 'sts:AssumeRole' };
  expect(problems(trustPolicySchema, statement)).toHaveLength(1);
});

it('a document names its keys, in conditions and variables', () => {
  const document = v.parse(permissionsPolicySchema, {
    Version: '2012-10-17',
    Statement: [
      { ...ALLOW, Resource: 'arn:aws:s3:::${aws:SourceIdentity}', Condition: { Null: { 'aws:username': 'true' } } },
      { ...ALLOW, Condition: { StringEquals: { 'aws:userid': ["${aws:PrincipalTag/a, 'b'}", '${*}'] } } },
    ],
  });
  expect(conditionKeysOf(document)).toEqual(['aws:username', 'aws:SourceIdentity', 'aws:userid', 'aws:PrincipalTag/a']);
});

it('without the version of 2012, variables are plain text', () => {
  const { statements } = v.parse(permissionsPolicySchema, {
    Statement: { ...ALLOW, Resource: 'arn:aws:s3:::${aws:SourceIdentity}' },
  });
  expect(conditionKeysOf({ statements })).toEqual([]);
});

it.each<[string, object]>([
  ['{', { isJson: false }],
  ['{"Statement": []}', { isJson: true, problem: 'Statement: must not be empty' }],
  [
    JSON.stringify({ Statement: { ...ALLOW, Effect: 'Maybe' } }),
    { problem: 'Statement.0.Effect: must be Allow or Deny' },
  ],
  [JSON.stringify({ Statement: ALLOW }), { document: { statements: [expect.objectContaining({ effect: 'Allow' })] } }],
])('JSON: %s', (text, result) => {
  expect(parsePolicyJson(text)).toMatchObject(result);
});
