import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { AccessRequest } from '../../src/iam/access-request.ts';
import { explain } from '../../src/iam/explain.ts';
import { trustPolicySchema } from '../../src/iam/policy-document.ts';
import { ASSUME_ACTIONS, type AssumeAction, decideTrust, rolesAnywhereRequest } from '../../src/iam/role-trust.ts';

const ROLE = 'arn:aws:iam::111122223333:role/device';
const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/11111111-2222-3333-4444-555555555555';

const CONTEXT = new Map<string, string | readonly string[]>([
  ['aws:SourceArn', ANCHOR],
  ['aws:SourceAccount', '111122223333'],
  ['aws:PrincipalTag/x509Subject/CN', 'device-0001'],
  ['aws:PrincipalTag/x509Issuer/CN', 'My Device CA'],
  ['aws:TagKeys', ['x509Subject/CN', 'x509Issuer/CN']],
  ['sts:SourceIdentity', 'CN=device-0001'],
  ['sts:RoleSessionName', '2a99'],
]);

const SERVICE = { Service: 'rolesanywhere.amazonaws.com' };
const ALL_THREE = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];

/** With keys that no single action has, because these tests are about conditions. */
function requestFor(action: AssumeAction): AccessRequest {
  const principal = { kind: 'service', name: 'rolesanywhere.amazonaws.com' } as const;
  return { principal, action, resource: ROLE, context: CONTEXT };
}

function evaluate(document: unknown, action: AssumeAction = 'sts:AssumeRole'): { allowed: boolean; reason: string } {
  const decision = decideTrust(v.parse(trustPolicySchema, document), requestFor(action), '111122223333');
  return { allowed: decision.allowed, reason: explain(decision) };
}

function reasonOf(document: unknown, action: AssumeAction = 'sts:AssumeRole'): string {
  const { allowed, reason } = evaluate(document, action);
  return allowed ? 'allowed' : reason.replace(' of the trust policy', '');
}

function allowing(condition: unknown): unknown {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: SERVICE, Action: ALL_THREE, Condition: condition }],
  };
}

const CN = 'aws:PrincipalTag/x509Subject/CN';
const ABSENT = 'aws:PrincipalTag/x509Subject/OU';
const KEYS = 'aws:TagKeys';

/**
 * Operator, key, values in the policy, whether the condition is true. Written by hand from the IAM
 * User Guide.
 */
const ROWS: readonly [string, string, string | boolean | readonly string[], boolean][] = [
  ['StringEquals', CN, 'device-0001', true],
  ['StringEquals', CN, 'DEVICE-0001', false],
  ['StringEquals', CN, 'device-*', false],
  ['StringEquals', CN, ['device-0002', 'device-0001'], true],
  ['StringEquals', CN, ['device-0002', 'device-0003'], false],
  ['StringEquals', ABSENT, 'Devices', false],
  ['StringEquals', CN.toUpperCase(), 'device-0001', true],
  ['StringEqualsIfExists', ABSENT, 'Devices', true],
  ['StringEqualsIfExists', CN, 'device-0002', false],
  ['StringNotEquals', CN, 'device-0002', true],
  ['StringNotEquals', CN, 'device-0001', false],
  ['StringNotEquals', CN, ['device-0002', 'device-0001'], false],
  ['StringNotEquals', ABSENT, 'Devices', true],
  ['StringNotEqualsIfExists', ABSENT, 'Devices', true],
  ['StringNotEqualsIfExists', CN, 'device-0001', false],
  ['StringEqualsIgnoreCase', CN, 'Device-0001', true],
  ['StringEqualsIgnoreCase', CN, 'device', false],
  ['StringNotEqualsIgnoreCase', CN, 'DEVICE-0001', false],
  ['StringNotEqualsIgnoreCase', CN, 'other', true],
  ['StringLike', CN, 'device-*', true],
  ['StringLike', CN, 'device-????', true],
  ['StringLike', CN, 'device-???', false],
  ['StringLike', CN, 'evice-*', false],
  ['StringLike', CN, 'Device-*', false],
  ['StringLike', CN, '*', true],
  ['StringLike', CN, 'device.0001', false],
  ['StringLike', ABSENT, '*', false],
  ['StringLikeIfExists', ABSENT, 'x*', true],
  ['StringNotLike', CN, 'device-*', false],
  ['StringNotLike', CN, 'sensor-*', true],
  ['StringNotLike', ABSENT, '*', true],
  ['ArnEquals', 'aws:SourceArn', ANCHOR, true],
  ['ArnEquals', 'aws:SourceArn', `${ANCHOR}0`, false],
  ['ArnEquals', 'aws:SourceArn', 'arn:aws:rolesanywhere:*:111122223333:trust-anchor/*', true],
  ['ArnLike', 'aws:SourceArn', 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/*', true],
  ['ArnLike', 'aws:SourceArn', 'arn:aws:rolesanywhere:us-east-1:111122223333:trust-anchor/*', false],
  ['ArnLike', 'aws:SourceArn', 'arn:*:*:*:*:*', true],
  ['ArnLike', 'aws:SourceArn', 'arn:aws:*:111122223333:*:trust-anchor/*', false],
  ['ArnLike', 'sts:SourceIdentity', 'arn:*:*:*:*:*', false],
  ['ArnNotEquals', 'aws:SourceArn', ANCHOR, false],
  ['ArnNotLike', 'aws:SourceArn', 'arn:aws:rolesanywhere:us-east-1:*:*', true],
  ['ArnLikeIfExists', ABSENT, 'arn:*:*:*:*:*', true],
  ['Null', CN, 'false', true],
  ['Null', CN, true, false],
  ['Null', ABSENT, 'true', true],
  ['Null', ABSENT, false, false],
  ['ForAnyValue:StringEquals', KEYS, ['x509Subject/CN', 'other'], true],
  ['ForAnyValue:StringEquals', KEYS, 'other', false],
  ['ForAnyValue:StringLike', KEYS, 'x509Issuer/*', true],
  ['ForAnyValue:StringNotEquals', KEYS, 'x509Subject/CN', true],
  ['ForAnyValue:StringNotLike', KEYS, 'x509*', false],
  ['ForAnyValue:StringEquals', ABSENT, 'x', false],
  ['ForAnyValue:StringNotEquals', ABSENT, 'x', false],
  ['ForAnyValue:StringEqualsIfExists', ABSENT, 'x', false],
  ['ForAnyValue:StringEquals', CN, 'device-0001', true],
  ['ForAllValues:StringEquals', KEYS, ['x509Subject/CN', 'x509Issuer/CN', 'x509SAN/DNS'], true],
  ['ForAllValues:StringEquals', KEYS, 'x509Subject/CN', false],
  ['ForAllValues:StringLike', KEYS, 'x509*', true],
  ['ForAllValues:StringNotEquals', KEYS, 'x509Subject/CN', false],
  ['ForAllValues:StringNotLike', KEYS, 'other/*', true],
  ['ForAllValues:StringEquals', ABSENT, 'x', true],
  ['ForAllValues:ArnLike', 'aws:SourceArn', 'arn:aws:iam:*:*:*', false],
];

describe('a condition', () => {
  it.each(ROWS)('%s %s %j is %s', (operator, key, values, holds) => {
    expect(evaluate(allowing({ [operator]: { [key]: values } })).allowed).toBe(holds);
  });

  it.each([
    [{ StringEquals: { [CN]: 'device-0001', [ABSENT]: 'x' } }, false],
    [{ StringEquals: { [CN]: 'device-0001' }, StringLike: { 'aws:SourceAccount': '9*' } }, false],
    [{ StringEquals: { [CN]: 'device-0001' }, StringLike: { 'aws:SourceAccount': '1*' } }, true],
    [{}, true],
  ])('is one of several that must all be true: %j is %s', (condition, holds) => {
    expect(evaluate(allowing(condition)).allowed).toBe(holds);
  });
});

describe('the hardened policy', () => {
  const hardened = allowing({
    ArnEquals: { 'aws:SourceArn': ANCHOR },
    StringEquals: {
      'aws:SourceAccount': '111122223333',
      [CN]: 'device-0001',
      'aws:PrincipalTag/x509Issuer/CN': 'My Device CA',
    },
  });

  it.each(ASSUME_ACTIONS)('allows %s', (action) => {
    expect(evaluate(hardened, action).allowed).toBe(true);
  });

  it('reports the wanted and the actual value', () => {
    const other = allowing({ StringEquals: { [CN]: ['device-0007', 'device-0008'] }, Null: { [CN]: 'true' } });
    expect(reasonOf(other)).toBe(
      `no role trust policy allows it; closest is statement 1: StringEquals ${CN} wanted "device-0007" or "device-0008", was "device-0001"; ` +
        `Null ${CN} wanted "true", was "device-0001"`,
    );
  });

  it('reports a negated condition', () => {
    expect(reasonOf(allowing({ StringNotLike: { [CN]: ['device-*', 'x'] } }))).toBe(
      `no role trust policy allows it; closest is statement 1: StringNotLike ${CN} wanted none of "device-*", "x", was "device-0001"`,
    );
  });
});

describe('the policy of many tutorials', () => {
  const tutorial = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: SERVICE,
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'aws:PrincipalTag/DeviceType': 'sensor' } },
      },
    ],
  };

  it('denies each action, in words for a log', () => {
    expect(ASSUME_ACTIONS.map((action) => reasonOf(tutorial, action))).toEqual([
      'no role trust policy allows it; closest is statement 1: StringEquals aws:PrincipalTag/DeviceType wanted "sensor", the request has no such key ' +
        '(Roles Anywhere sets x509Subject/..., x509Issuer/..., x509SAN/... only)',
      'no role trust policy allows it',
      'no role trust policy allows it',
    ]);
  });

  it('gives no hint about a tag that a certificate could set', () => {
    expect(reasonOf(allowing({ StringEquals: { [ABSENT]: 'Devices' } }))).toBe(
      `no role trust policy allows it; closest is statement 1: StringEquals ${ABSENT} wanted "Devices", the request has no such key`,
    );
  });
});

describe('statements', () => {
  /** User Guide, "Trust model": different statements check source identity and issuer. */
  const split = (identity: string, issuer: string): unknown => ({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: SERVICE,
        Action: ['sts:AssumeRole', 'sts:SetSourceIdentity'],
        Condition: {
          StringEquals: { 'sts:SourceIdentity': [identity] },
          ArnEquals: { 'aws:SourceArn': [ANCHOR] },
        },
      },
      {
        Effect: 'Allow',
        Principal: SERVICE,
        Action: 'sts:TagSession',
        Condition: { StringEquals: { 'aws:PrincipalTag/x509Issuer/CN': [issuer] } },
      },
    ],
  });

  it('may split the actions', () => {
    const allowed = ASSUME_ACTIONS.filter(
      (action) => evaluate(split('CN=device-0001', 'My Device CA'), action).allowed,
    );
    expect(allowed).toEqual(ASSUME_ACTIONS);
  });

  it.each([
    ['CN=device-0002', 'My Device CA', ['sts:TagSession']],
    ['CN=device-0001', 'Other CA', ['sts:AssumeRole', 'sts:SetSourceIdentity']],
  ])('are evaluated per action: %s, %s', (identity, issuer, allowed) => {
    expect(ASSUME_ACTIONS.filter((action) => evaluate(split(identity, issuer), action).allowed)).toEqual(allowed);
  });

  const statement = (effect: string, condition: unknown = {}, more: object = {}): object => ({
    Effect: effect,
    Principal: SERVICE,
    Action: ALL_THREE,
    Condition: condition,
    ...more,
  });
  const matching = { StringEquals: { [CN]: 'device-0001' } };
  const failing = { StringEquals: { [CN]: 'other' } };

  it.each([
    ['one that holds is enough', [statement('Allow', failing), statement('Allow', matching)], 'allowed'],
    ['Deny wins', [statement('Allow'), statement('Deny', matching)], 'statement 2 denies it'],
    [
      'Deny wins and is named',
      [statement('Deny', {}, { Sid: 'NotNow' }), statement('Allow')],
      'statement 1 "NotNow" denies it',
    ],
    ['Deny whose condition fails does not', [statement('Allow'), statement('Deny', failing)], 'allowed'],
    [
      'Deny for another action does not',
      [statement('Allow'), statement('Deny', {}, { Action: 'sts:TagSession' })],
      'allowed',
    ],
    ['Deny alone allows nothing', [statement('Deny', failing)], 'no role trust policy allows it'],
    [
      'the nearest is explained',
      [statement('Allow', { StringEquals: { [CN]: 'a', [ABSENT]: 'b' } }), statement('Allow', failing)],
      `no role trust policy allows it; closest is statement 2: StringEquals ${CN} wanted "other", was "device-0001"`,
    ],
  ])('%s', (_, statements, reason) => {
    expect(reasonOf({ Statement: statements })).toBe(reason);
  });

  it.each([
    ['*', true],
    [{ AWS: '*' }, true],
    [{ Service: ['ec2.amazonaws.com', 'rolesanywhere.amazonaws.com'] }, true],
    [{ Service: 'ec2.amazonaws.com' }, false],
    [{ AWS: 'arn:aws:iam::111122223333:root' }, false],
    [{ Federated: 'cognito-identity.amazonaws.com' }, false],
  ])('are for a principal: %j is %s', (principal, allowed) => {
    expect(evaluate({ Statement: statement('Allow', {}, { Principal: principal }) }).allowed).toBe(allowed);
  });

  it('reports that the action is allowed only for others', () => {
    expect(reasonOf({ Statement: statement('Allow', {}, { Principal: { Service: 'ec2.amazonaws.com' } }) })).toBe(
      'no role trust policy allows it; closest is statement 1: Principal wanted "ec2.amazonaws.com", was "rolesanywhere.amazonaws.com"',
    );
  });

  it.each([
    ['sts:*', ALL_THREE],
    ['STS:assumerole', ['sts:AssumeRole']],
    ['sts:*Se*', ['sts:TagSession', 'sts:SetSourceIdentity']],
    ['sts:Assume', []],
    ['sts:AssumeRole?', []],
  ])('name actions: %s', (pattern, allowed) => {
    const policy = { Statement: [statement('Allow', {}, { Action: pattern })] };
    expect(ASSUME_ACTIONS.filter((action) => evaluate(policy, action).allowed)).toEqual(allowed);
  });
});

describe('the requests of Roles Anywhere', () => {
  const call = {
    accountId: '111122223333',
    trustAnchorArn: 'arn:anchor',
    roleArn: ROLE,
    tags: new Map([['x509Subject/CN', 'Alice']]),
    sourceIdentity: 'CN=Alice',
    sessionName: '2a',
  };
  const common = {
    'aws:PrincipalTag/x509Subject/CN': 'Alice',
    'aws:SourceArn': 'arn:anchor',
    'aws:SourceAccount': '111122223333',
  };
  const tagging = { 'aws:RequestTag/x509Subject/CN': 'Alice', 'aws:TagKeys': ['x509Subject/CN'] };
  const naming = { 'sts:SourceIdentity': 'CN=Alice', 'sts:RoleSessionName': '2a' };

  it.each<[AssumeAction, object]>([
    ['sts:AssumeRole', { ...common, ...tagging, ...naming }],
    ['sts:TagSession', { ...common, ...tagging }],
    ['sts:SetSourceIdentity', { ...common, 'sts:SourceIdentity': 'CN=Alice' }],
  ])('have keys of their own: %s', (action, keys) => {
    expect(Object.fromEntries(rolesAnywhereRequest(action, call).context)).toEqual(keys);
  });

  it.each<[string, AssumeAction[]]>([
    ['aws:RequestTag/x509Subject/CN', ['sts:AssumeRole', 'sts:TagSession']],
    ['sts:RoleSessionName', ['sts:AssumeRole']],
    ['sts:SourceIdentity', ['sts:AssumeRole', 'sts:SetSourceIdentity']],
    ['aws:SourceArn', [...ASSUME_ACTIONS]],
  ])('fail under a condition on a key that they lack: %s', (key, allowed) => {
    const document = v.parse(trustPolicySchema, allowing({ StringLike: { [key]: '*' } }));
    const decided = ASSUME_ACTIONS.filter(
      (action) => decideTrust(document, rolesAnywhereRequest(action, call), call.accountId).allowed,
    );
    expect(decided).toEqual(allowed);
  });
});
