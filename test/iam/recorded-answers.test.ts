/**
 * Answers that others got from AWS itself, live or from its policy simulator, as far as they say
 * something about the evaluation. What STS answers is in test/emulator/assume-role.test.ts.
 */
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { AccessRequest, Principal } from '../../src/iam/access-request.ts';
import { type ApplicablePolicies, type Decision, evaluate } from '../../src/iam/evaluate.ts';
import { denialTail } from '../../src/iam/explain.ts';
import { permissionsPolicySchema, resourcePolicySchema } from '../../src/iam/policy-document.ts';

const ACCOUNT = '111122223333';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/worker`;
const SESSION: Principal = {
  kind: 'session',
  accountId: ACCOUNT,
  roleArn: ROLE,
  sessionArn: `arn:aws:sts::${ACCOUNT}:assumed-role/worker/5a01`,
};

function decide(
  request: Pick<AccessRequest, 'action' | 'resource'> & Partial<AccessRequest>,
  statements: readonly object[],
  more: Partial<ApplicablePolicies> = {},
): Decision {
  const document = { Version: '2012-10-17', Statement: statements };
  const identity = [{ name: 'own', ...v.parse(permissionsPolicySchema, document) }];
  return evaluate({ principal: SESSION, context: new Map(), ...request }, { identity, session: [], ...more });
}

function allow(action: string, resource: string, condition: object = {}): object {
  return { Effect: 'Allow', Action: action, Resource: resource, Condition: condition };
}

/** "remit" conformance results, 24 September 2026: IAM policy simulator, and a live session. */
describe('the policy simulator', () => {
  it('spans no colon with a wildcard of a part', () => {
    const pattern = 'arn:aws:dynamodb:us-east-1:*:table/x';
    const allowed = (resource: string): boolean =>
      decide({ action: 'dynamodb:GetItem', resource }, [allow('dynamodb:GetItem', pattern)]).allowed;
    expect(allowed(`arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/x`)).toBe(true);
    expect(allowed(`arn:aws:dynamodb:us-east-1:${ACCOUNT}:y:table/x`)).toBe(false);
  });

  it.each([
    ['s3:GetObject', 'arn:aws:s3:::Bucket/key'],
    ['dynamodb:GetItem', `arn:aws:dynamodb:eu-west-1:${ACCOUNT}:table/Orders`],
    ['sqs:SendMessage', `arn:aws:sqs:eu-west-1:${ACCOUNT}:Jobs`],
    ['ssm:GetParameter', `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/App`],
    ['logs:PutLogEvents', `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:G:log-stream:s`],
  ])('minds the letter case of resources, not of actions: %s', (action, resource) => {
    const upper = allow(action.toUpperCase(), resource);
    expect(decide({ action, resource }, [upper]).allowed).toBe(true);
    expect(decide({ action, resource: resource.replace(/[A-Z]/g, (one) => one.toLowerCase()) }, [upper]).allowed).toBe(
      false,
    );
  });
});

/** re:Post: a role that was to list queues only from known networks. */
it('ForAnyValue with IfExists and without the key does not hold', () => {
  const condition = { 'ForAnyValue:StringEqualsIfExists': { 'aws:SourceVpc': ['vpc-1', 'vpc-2'] } };
  const statements = [allow('sqs:ListQueues', '*', condition)];
  expect(decide({ action: 'sqs:ListQueues', resource: '*' }, statements).allowed).toBe(false);
  const plain = [allow('sqs:ListQueues', '*', { StringEqualsIfExists: { 'aws:SourceVpc': ['vpc-1', 'vpc-2'] } })];
  expect(decide({ action: 'sqs:ListQueues', resource: '*' }, plain).allowed).toBe(true);
});

/** CloudWatch Logs, 2026: a grant on the streams of a group is none on the group. */
it('a trailing :* needs the colon', () => {
  const group = `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:G`;
  const allowed = (resource: string): boolean =>
    decide({ action: 'logs:CreateLogGroup', resource }, [allow('logs:CreateLogGroup', `${group}:*`)]).allowed;
  expect(allowed(group)).toBe(false);
  expect(allowed(`${group}:log-stream:`)).toBe(true);
});

/** "floci", raw answers of SQS, 2 October 2026. */
describe('a queue with a policy', () => {
  const queue = `arn:aws:sqs:eu-west-1:${ACCOUNT}:jobs`;
  const policies = (statement: object): ApplicablePolicies['resource'] => ({
    layer: 'resource',
    accountId: ACCOUNT,
    policies: [{ name: 'queue', ...v.parse(resourcePolicySchema, { Statement: statement }) }],
  });
  const send = { action: 'sqs:SendMessage', resource: queue };

  it('that does not match is a denial by identity policies', () => {
    const resource = policies({ ...allow(send.action, queue), Principal: { AWS: `${ROLE}-2` } });
    expect(denialTail(decide(send, [allow('s3:*', '*')], { resource }), 'sqs:sendmessage')).toBe(
      'because no identity-based policy allows the sqs:sendmessage action',
    );
  });

  it('that denies is a denial by a resource-based policy', () => {
    const resource = policies({ ...allow(send.action, queue), Effect: 'Deny', Principal: '*' });
    expect(denialTail(decide(send, [allow('sqs:*', '*')], { resource }), 'sqs:SendMessage')).toBe(
      'with an explicit deny in a resource-based policy',
    );
  });
});

/** Service Authorization Reference: without resource types, `Resource` must be `*`. */
it('an action without resources needs a statement about all', () => {
  const list = { action: 's3:ListAllMyBuckets', resource: '*' };
  expect(decide(list, [allow('s3:ListAllMyBuckets', 'arn:aws:s3:::*')]).allowed).toBe(false);
  expect(decide(list, [allow('s3:ListAllMyBuckets', '*')]).allowed).toBe(true);
});
