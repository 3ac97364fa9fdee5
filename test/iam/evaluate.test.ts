import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { AccessRequest, Principal } from '../../src/iam/access-request.ts';
import { type ApplicablePolicies, evaluate, type Policy } from '../../src/iam/evaluate.ts';
import { denialTail, explain } from '../../src/iam/explain.ts';
import { permissionsPolicySchema, resourcePolicySchema, trustPolicySchema } from '../../src/iam/policy-document.ts';

const ACCOUNT = '111122223333';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/runner`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/runner/5a01`;
const OBJECT = 'arn:aws:s3:::artifacts/build/1';

const RUNNER: Principal = { kind: 'session', accountId: ACCOUNT, roleArn: ROLE, sessionArn: SESSION };

function request(changes: Partial<AccessRequest> = {}): AccessRequest {
  return { principal: RUNNER, action: 's3:GetObject', resource: OBJECT, context: new Map(), ...changes };
}

const ALLOW = { Effect: 'Allow', Action: 's3:GetObject', Resource: OBJECT };
const OTHER = { Effect: 'Allow', Action: 's3:PutObject', Resource: '*' };
const DENY = { Effect: 'Deny', Action: 's3:*', Resource: '*' };

function permissions(name: string, ...statements: object[]): Policy {
  return { name, ...v.parse(permissionsPolicySchema, { Version: '2012-10-17', Statement: statements }) };
}

function atResource(principal: unknown, accountId = ACCOUNT, more: object = {}): ApplicablePolicies['resource'] {
  const statement = { ...ALLOW, Principal: principal, ...more };
  const policy = { name: 'the bucket policy', ...v.parse(resourcePolicySchema, { Statement: statement }) };
  return { layer: 'resource', accountId, policies: [policy] };
}

function decide(policies: Partial<ApplicablePolicies>, changes: Partial<AccessRequest> = {}): string {
  const { allowed, decisive } = evaluate(request(changes), { identity: [], session: [], ...policies });
  return allowed ? `allowed by ${decisive.layer}` : `${decisive.outcome} by ${decisive.layer}`;
}

const GRANT = [permissions('a', ALLOW)];
const NO_GRANT = [permissions('b', OTHER)];
const BAN = permissions('c', ALLOW, DENY);

/** IAM User Guide, "How AWS enforcement code logic evaluates requests to allow or deny access". */
describe('the layers of one account', () => {
  it.each<[string, Partial<ApplicablePolicies>, string]>([
    ['nothing', {}, 'denied by identity'],
    ['an identity policy', { identity: GRANT }, 'allowed by identity'],
    ['one of several', { identity: [...NO_GRANT, ...GRANT] }, 'allowed by identity'],
    ['one for another action', { identity: NO_GRANT }, 'denied by identity'],
    ['a boundary alone', { boundary: permissions('x', ALLOW) }, 'denied by identity'],
    ['a boundary that allows', { identity: GRANT, boundary: permissions('x', ALLOW) }, 'allowed by identity'],
    ['a boundary that does not', { identity: GRANT, boundary: permissions('x', OTHER) }, 'denied by boundary'],
    ['a session policy alone', { session: GRANT }, 'denied by identity'],
    ['a session policy that allows', { identity: GRANT, session: GRANT }, 'allowed by identity'],
    ['a session policy that does not', { identity: GRANT, session: NO_GRANT }, 'denied by session'],
    ['one of several session policies', { identity: GRANT, session: [...NO_GRANT, ...GRANT] }, 'allowed by identity'],
    ['Deny in identity', { identity: [...GRANT, BAN] }, 'explicitly denied by identity'],
    ['Deny in the boundary', { identity: GRANT, boundary: BAN }, 'explicitly denied by boundary'],
    [
      'Deny in one of the session policies',
      { identity: GRANT, session: [...GRANT, BAN] },
      'explicitly denied by session',
    ],
    ['Deny goes before a missing Allow', { identity: NO_GRANT, session: [BAN] }, 'explicitly denied by session'],
  ])('%s', (_, policies, expected) => {
    expect(decide(policies)).toBe(expected);
  });
});

/** User Guide, "Session policies" and "Principal": what limits the grant of a resource's policy. */
describe('a policy of a resource in the same account', () => {
  const NONE = { identity: [], session: [] };
  it.each<[string, unknown, Partial<ApplicablePolicies>, string]>([
    ['the session', { AWS: SESSION }, NONE, 'allowed by resource'],
    ['the session, within a boundary', { AWS: SESSION }, { boundary: permissions('x', OTHER) }, 'allowed by resource'],
    ['the session, within a session policy', { AWS: SESSION }, { session: NO_GRANT }, 'allowed by resource'],
    ['anyone', '*', { session: NO_GRANT }, 'allowed by resource'],
    ['the role', { AWS: ROLE }, NONE, 'allowed by resource'],
    ['the role, within a boundary', { AWS: ROLE }, { boundary: permissions('x', OTHER) }, 'denied by boundary'],
    ['the role, within a session policy', { AWS: ROLE }, { session: NO_GRANT }, 'denied by session'],
    ['the account', { AWS: ACCOUNT }, NONE, 'denied by identity'],
    ['the account as root', { AWS: `arn:aws:iam::${ACCOUNT}:root` }, { identity: GRANT }, 'allowed by identity'],
    ['another role', { AWS: `${ROLE}s` }, NONE, 'denied by identity'],
    ['another role, with a permission of its own', { AWS: `${ROLE}s` }, { identity: GRANT }, 'allowed by identity'],
    ['a service', { Service: 's3.amazonaws.com' }, NONE, 'denied by identity'],
    ['the session, against a Deny', { AWS: SESSION }, { identity: [BAN] }, 'explicitly denied by identity'],
  ])('for %s', (_, principal, policies, expected) => {
    expect(decide({ ...policies, resource: atResource(principal) })).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['the account only', { AWS: ACCOUNT }, 'explicitly denied by resource'],
    ['account and role', { AWS: [ACCOUNT, ROLE] }, 'explicitly denied by resource'],
    ['account, role and session', { AWS: [ACCOUNT, ROLE, SESSION] }, 'allowed by identity'],
    ['anyone', '*', 'allowed by identity'],
    ['others', { AWS: '999999999999' }, 'explicitly denied by resource'],
  ])('excepts from a Deny only whom it names in full: %s', (_, principal, expected) => {
    const resource = atResource(undefined, ACCOUNT, { Effect: 'Deny', Principal: undefined, NotPrincipal: principal });
    expect(decide({ identity: GRANT, resource })).toBe(expected);
  });
});

describe('a resource in another account', () => {
  const OTHER_ACCOUNT = '444455556666';
  it.each<[string, unknown, Partial<ApplicablePolicies>, string]>([
    ['both allow', { AWS: ROLE }, { identity: GRANT }, 'allowed by resource'],
    ['only the resource allows', { AWS: ROLE }, {}, 'denied by identity'],
    ['only the resource allows, by session', { AWS: SESSION }, {}, 'denied by identity'],
    ['only the identity allows', { AWS: `${ROLE}s` }, { identity: GRANT }, 'denied by resource'],
    [
      'the boundary does not',
      { AWS: ROLE },
      { identity: GRANT, boundary: permissions('x', OTHER) },
      'denied by boundary',
    ],
    ['the session policy does not', { AWS: ROLE }, { identity: GRANT, session: NO_GRANT }, 'denied by session'],
  ])('%s', (_, principal, policies, expected) => {
    expect(decide({ ...policies, resource: atResource(principal, OTHER_ACCOUNT) })).toBe(expected);
  });
});

describe('a role trust policy', () => {
  const TARGET = `arn:aws:iam::${ACCOUNT}:role/target`;
  const trust = (principal: unknown, accountId = ACCOUNT): Partial<ApplicablePolicies> => {
    const statement = { Effect: 'Allow', Principal: principal, Action: 'sts:*' };
    const policy = { name: 'the trust policy', ...v.parse(trustPolicySchema, { Statement: statement }) };
    return { resource: { layer: 'trust', accountId, policies: [policy] } };
  };
  const MAY = [permissions('may', { Effect: 'Allow', Action: 'sts:*', Resource: TARGET })];
  const assume = { action: 'sts:AssumeRole', resource: TARGET };

  it.each<[string, Partial<ApplicablePolicies>, string]>([
    ['that names the role suffices', trust({ AWS: ROLE }), 'allowed by trust'],
    ['that names the account does not', trust({ AWS: ACCOUNT }), 'denied by identity'],
    ['that names the account', { ...trust({ AWS: ACCOUNT }), identity: MAY }, 'allowed by trust'],
    ['must allow', { ...trust({ AWS: `${ROLE}s` }), identity: MAY }, 'denied by trust'],
    ['of another account', { ...trust({ AWS: ROLE }, '444455556666'), identity: MAY }, 'allowed by trust'],
    ['of another account does not suffice', trust({ AWS: ROLE }, '444455556666'), 'denied by identity'],
    [
      'that names the role, within a session policy',
      { ...trust({ AWS: ROLE }), session: NO_GRANT },
      'denied by session',
    ],
    ['that names the session, within one', { ...trust({ AWS: SESSION }), session: NO_GRANT }, 'allowed by trust'],
  ])('%s', (_, policies, expected) => {
    expect(decide(policies, assume)).toBe(expected);
  });

  it('does not suffice for a source identity', () => {
    const set = { ...assume, action: 'sts:SetSourceIdentity' };
    expect(decide(trust({ AWS: ROLE }), set)).toBe('denied by identity');
    expect(decide({ ...trust({ AWS: ROLE }), identity: MAY }, set)).toBe('allowed by trust');
  });

  it('alone decides about a service', () => {
    const principal: Principal = { kind: 'service', name: 'ec2.amazonaws.com' };
    expect(decide(trust({ Service: principal.name }), { ...assume, principal })).toBe('allowed by trust');
    expect(decide(trust({ AWS: ROLE }), { ...assume, principal })).toBe('denied by trust');
    expect(decide({}, { ...assume, principal })).toBe('denied by resource');
  });
});

describe('the reason', () => {
  const reason = (policies: Partial<ApplicablePolicies>, changes: Partial<AccessRequest> = {}): [string, string] => {
    const decision = evaluate(request(changes), { identity: [], session: [], ...policies });
    return [explain(decision), denialTail(decision, changes.action ?? 's3:GetObject')];
  };

  it('is the statement that allows', () => {
    expect(reason({ identity: [permissions('upload', OTHER, { ...ALLOW, Sid: 'Read' })] })[0]).toBe(
      'statement 2 "Read" of upload allows it',
    );
  });

  it('is the statement that denies', () => {
    expect(reason({ identity: [...GRANT, BAN] })).toEqual([
      'statement 2 of c denies it',
      'with an explicit deny in an identity-based policy',
    ]);
    expect(reason({ identity: GRANT, session: [BAN] })[1]).toBe('with an explicit deny in a session policy');
  });

  it('is the Allow statement that comes closest, with both sides', () => {
    const tagged = {
      ...ALLOW,
      Resource: '*',
      Condition: { StringEquals: { 'aws:PrincipalTag/team': '${aws:SourceIdentity}' } },
    };
    const context = new Map([
      ['aws:PrincipalTag/Team', 'b'],
      ['aws:SourceIdentity', 'a'],
    ]);
    const elsewhere = { ...ALLOW, Resource: 'arn:aws:s3:::other/${aws:SourceIdentity}/*' };
    expect(reason({ identity: [permissions('near', elsewhere, tagged)] }, { context })).toEqual([
      'no identity-based policy allows it; closest is statement 2 of near: ' +
        'StringEquals aws:PrincipalTag/team wanted "a", was "b"',
      'because no identity-based policy allows the s3:GetObject action',
    ]);
    expect(reason({ identity: [permissions('far', elsewhere)] }, { context })[0]).toBe(
      'no identity-based policy allows it; closest is statement 1 of far: ' +
        `Resource wanted "arn:aws:s3:::other/a/*", was "${OBJECT}"`,
    );
  });

  it('is there for every layer', () => {
    const decision = evaluate(request(), {
      identity: GRANT,
      boundary: permissions('edge', OTHER),
      session: [BAN],
    });
    expect(decision.verdicts.map(({ layer, outcome, statement }) => [layer, outcome, statement?.policy])).toEqual([
      ['identity', 'allowed', 'a'],
      ['boundary', 'denied', undefined],
      ['session', 'explicitly denied', 'c'],
    ]);
  });
});
