import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import * as v from 'valibot';
import { afterEach, describe, expect, it } from 'vitest';
import type { Role } from '../../src/emulator/account/account.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { trustPolicySchema } from '../../src/iam/policy-document.ts';
import {
  type AccountChanges,
  type Credentials,
  credentialsOf,
  Emulated,
  permissionsPolicy,
  ROLE_ARN,
} from './support/emulated.ts';

const TARGET = 'arn:aws:iam::111122223333:role/deploy/target';
const ABROAD = 'arn:aws:iam::444455556666:role/abroad';
const FIRST = 'arn:aws:sts::111122223333:assumed-role/device/5a01';
const ALL = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];
const MAY = permissionsPolicy('chain', { Effect: 'Allow', Action: ALL, Resource: [TARGET, ABROAD] });

let emulated: Emulated;
afterEach(() => emulated.stop());

function trust(principal: object, actions: readonly string[] = ALL, condition: object = {}): Role['trustPolicy'] {
  const statement = { Effect: 'Allow', Principal: principal, Action: actions, Condition: condition };
  return v.parse(trustPolicySchema, { Version: '2012-10-17', Statement: statement });
}

function target(more: Partial<Role> = {}): NonNullable<AccountChanges['roles']>[number] {
  return { arn: TARGET, trustPolicy: trust({ AWS: ROLE_ARN }), ...more };
}

/** An emulator whose first role may chain, and the session of the device in it. */
async function chainable(changes: AccountChanges = {}): Promise<Credentials> {
  const all = { roles: [target()], ...changes, role: { policies: [MAY], ...changes.role } };
  emulated = await Emulated.start(all, { clock: systemClock });
  return credentialsOf(await emulated.createSession({ at: Date.now() }));
}

function sts(credentials: Credentials): STSClient {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const keys = { accessKeyId, secretAccessKey, sessionToken };
  return new STSClient({ endpoint: emulated.url, region: 'eu-central-1', credentials: keys, maxAttempts: 1 });
}

type Asked = Partial<AssumeRoleCommandInput>;

async function assume(credentials: Credentials, asked: Asked = {}): Promise<Record<string, unknown>> {
  const command = new AssumeRoleCommand({ RoleArn: TARGET, RoleSessionName: 'hop-two', ...asked });
  return { ...(await sts(credentials).send(command)) };
}

async function refusal(credentials: Credentials, asked: Asked = {}): Promise<unknown> {
  return assume(credentials, asked).then(
    () => 'granted',
    (error: unknown) => {
      const { name, message, $metadata, Code } = error as Error & {
        $metadata: { httpStatusCode: number };
        Code?: string;
      };
      return [Code ?? name, $metadata.httpStatusCode, message];
    },
  );
}

function keysOf({ Credentials: issued }: Record<string, unknown>): Credentials {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = issued as Record<string, string>;
  return {
    accessKeyId: AccessKeyId ?? '',
    secretAccessKey: SecretAccessKey ?? '',
    sessionToken: SessionToken ?? '',
    expiration: String(Expiration),
  };
}

function unauthorized(action: string, role = TARGET): unknown[] {
  return ['AccessDenied', 403, `User: ${FIRST} is not authorized to perform: ${action} on resource: ${role}`];
}

/** The reason in the emulator's log. */
function detail(): string {
  const { fields } = emulated.log.at(-1) ?? {};
  return (fields as { detail: string }).detail;
}

describe('AssumeRole with the session of Roles Anywhere', () => {
  it('grants a session that carries the source identity', async () => {
    const first = await chainable();
    const answer = await assume(first);
    expect(answer).toMatchObject({
      AssumedRoleUser: {
        Arn: 'arn:aws:sts::111122223333:assumed-role/target/hop-two',
        AssumedRoleId: expect.stringMatching(/^AROA[0-9A-F]{17}:hop-two$/) as string,
      },
      SourceIdentity: 'CN=device-0001',
      Credentials: { AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/) as string },
    });
    expect(answer).not.toHaveProperty('PackedPolicySize');
    expect(await sts(keysOf(answer)).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: '111122223333',
      Arn: 'arn:aws:sts::111122223333:assumed-role/target/hop-two',
    });
  });

  it('is an event that is joined to the ones before and after it by access key', async () => {
    const first = await chainable();
    const second = keysOf(await assume(first));
    await assume(second, { RoleArn: ROLE_ARN }).catch(() => undefined);
    const events = (await emulated.control('GET', '/events')).body as Record<string, unknown>[];
    expect(events.slice(-3)).toMatchObject([
      {
        userIdentity: { type: 'AWSService' },
        responseElements: { credentials: { accessKeyId: first.accessKeyId }, assumedRoleUser: { arn: FIRST } },
      },
      {
        eventSource: 'sts.amazonaws.com',
        eventName: 'AssumeRole',
        userIdentity: { type: 'AssumedRole', arn: FIRST, accessKeyId: first.accessKeyId },
        requestParameters: { roleArn: TARGET, roleSessionName: 'hop-two', durationSeconds: 3600 },
        responseElements: { credentials: { accessKeyId: second.accessKeyId }, sourceIdentity: 'CN=device-0001' },
      },
      {
        userIdentity: { accessKeyId: second.accessKeyId, sessionContext: { sourceIdentity: 'CN=device-0001' } },
        errorCode: 'AccessDenied',
      },
    ]);
    expect(JSON.stringify(events)).not.toContain(second.sessionToken);
  });

  it('reaches a role of another account if both sides allow it, with an external id', async () => {
    const condition = { StringEquals: { 'sts:ExternalId': 'ticket-7' } };
    const first = await chainable({
      roles: [
        {
          arn: ABROAD,
          trustPolicy: v.parse(trustPolicySchema, {
            Statement: [
              { Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: 'sts:AssumeRole', Condition: condition },
              { Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: 'sts:SetSourceIdentity' },
            ],
          }),
        },
      ],
    });
    const answer = await assume(first, { RoleArn: ABROAD, ExternalId: 'ticket-7' });
    expect(await sts(keysOf(answer)).send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: '444455556666' });
    expect(await refusal(first, { RoleArn: ABROAD })).toEqual(unauthorized('sts:AssumeRole', ABROAD));
    expect(detail()).toContain('StringEquals sts:ExternalId wanted "ticket-7", the request has no such key');
  });

  it.each<[string, AccountChanges, Asked, string, string]>([
    [
      'the trust policy',
      { roles: [target({ trustPolicy: trust({ AWS: `${ROLE_ARN}s` }) })] },
      {},
      'sts:AssumeRole',
      'no role trust policy allows it; closest is statement 1 of the trust policy of',
    ],
    [
      'the trust policy of the source identity',
      { roles: [target({ trustPolicy: trust({ AWS: ROLE_ARN }, ['sts:AssumeRole']) })] },
      {},
      'sts:SetSourceIdentity',
      'sts:SetSourceIdentity: no role trust policy allows it',
    ],
    [
      'the policies of the first role of the source identity',
      { role: { policies: [] } },
      {},
      'sts:SetSourceIdentity',
      'sts:SetSourceIdentity: no identity-based policy allows it',
    ],
    [
      'the trust policy of the tags',
      { roles: [target({ trustPolicy: trust({ AWS: ROLE_ARN }, ['sts:AssumeRole', 'sts:SetSourceIdentity']) })] },
      { Tags: [{ Key: 'a', Value: 'b' }] },
      'sts:TagSession',
      'sts:TagSession: no role trust policy allows it',
    ],
    [
      'the session policy of the profile',
      { profile: { sessionPolicies: [permissionsPolicy('p', { Effect: 'Allow', Action: 's3:*', Resource: '*' })] } },
      {},
      'sts:AssumeRole',
      'no session policy allows it',
    ],
    [
      'the boundary of the first role',
      { role: { permissionsBoundary: permissionsPolicy('b', { Effect: 'Deny', Action: 'sts:*', Resource: '*' }) } },
      {},
      'sts:AssumeRole',
      'statement 1 of b denies it',
    ],
    ['the absence of the role', { roles: [] }, {}, 'sts:AssumeRole', 'account.yaml has no role'],
    [
      'another source identity',
      {},
      { SourceIdentity: 'other' },
      'sts:SetSourceIdentity',
      'the source identity is CN=device-0001',
    ],
  ])('is denied by %s', async (_, changes, asked, action, reason) => {
    const first = await chainable(changes);
    expect(await refusal(first, asked)).toEqual(unauthorized(action));
    expect(detail()).toContain(reason);
  });

  it('needs one condition set for each action', async () => {
    const condition = { StringEquals: { 'sts:RoleSessionName': 'hop-two' } };
    const first = await chainable({ roles: [target({ trustPolicy: trust({ AWS: ROLE_ARN }, ALL, condition) })] });
    expect(await refusal(first)).toEqual(unauthorized('sts:SetSourceIdentity'));
  });
});

describe('tags along a chain', () => {
  const tagged: Asked = {
    Tags: [
      { Key: 'Team', Value: 'edge' },
      { Key: 'step', Value: '1' },
    ],
    TransitiveTagKeys: ['Team'],
  };
  const onward = 'arn:aws:iam::111122223333:role/onward';
  const sees = (key: string): Role['trustPolicy'] => trust({ AWS: TARGET }, ALL, { StringEquals: { [key]: 'edge' } });
  const next = permissionsPolicy('next', { Effect: 'Allow', Action: ALL, Resource: '*' });

  async function second(key: string): Promise<Credentials> {
    const first = await chainable({
      roles: [target({ policies: [next], tags: new Map([['team', 'none']]) }), { arn: onward, trustPolicy: sees(key) }],
    });
    const answer = await assume(first, tagged);
    expect(answer['PackedPolicySize']).toBe(3);
    return keysOf(answer);
  }

  it('are principal tags of the next session, over those of its role', async () => {
    const session = await second('aws:PrincipalTag/team');
    expect(await refusal(session, { RoleArn: onward })).toBe('granted');
  });

  it('are inherited if they are transitive, and cannot be set again', async () => {
    const session = await second('aws:PrincipalTag/team');
    const third = keysOf(await assume(session, { RoleArn: onward }));
    const again = { RoleArn: onward, Tags: [{ Key: 'TEAM', Value: 'edge' }] };
    const conflict =
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.";
    expect(await refusal(third, again)).toEqual(['InvalidParameterValue', 400, conflict]);
    expect(await refusal(session, again)).toEqual(['InvalidParameterValue', 400, conflict]);
  });
});

describe('session policies of an AssumeRole', () => {
  const onward = 'arn:aws:iam::111122223333:role/onward';
  const next = permissionsPolicy('next', { Effect: 'Allow', Action: ALL, Resource: '*' });
  const managed = permissionsPolicy('arn:aws:iam::111122223333:policy/none', {
    Effect: 'Deny',
    Action: 'sts:*',
    Resource: '*',
  });
  const only = (action: string): string =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });

  it.each<[string, Asked, unknown]>([
    ['none', {}, 'granted'],
    ['one that allows the next hop', { Policy: only('sts:*') }, 'granted'],
    ['one that does not', { Policy: only('s3:*') }, ['AccessDenied', 403, expect.stringContaining('sts:AssumeRole')]],
    ['a managed one that denies it', { PolicyArns: [{ arn: managed.name }] }, ['AccessDenied', 403, expect.anything()]],
  ])('limit the session: %s', async (_, asked, expected) => {
    const roles = [target({ policies: [next] }), { arn: onward, trustPolicy: trust({ AWS: TARGET }) }];
    const first = await chainable({ roles, managedPolicies: [managed] });
    expect(await refusal(keysOf(await assume(first, asked)), { RoleArn: onward })).toEqual(expected);
  });
});

describe('an AssumeRole that is no good', () => {
  const constraint = (text: string): string => `1 validation error detected: Value ${text}`;
  const name = (value: string, problem: string): string =>
    constraint(`'${value}' at 'roleSessionName' failed to satisfy constraint: ${problem}`);
  const tags = (...keys: string[]): Asked => ({ Tags: keys.map((Key) => ({ Key, Value: 'x' })) });

  it.each<[Asked, string, unknown]>([
    [
      { DurationSeconds: 3601 },
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    ],
    [
      { DurationSeconds: 60 },
      'ValidationError',
      constraint(
        "'60' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
      ),
    ],
    [
      { RoleSessionName: 'Session1:2' },
      'ValidationError',
      name('Session1:2', 'Member must satisfy regular expression pattern: [\\w+=,.@-]*'),
    ],
    [
      { RoleSessionName: 'x'.repeat(65) },
      'ValidationError',
      name('x'.repeat(65), 'Member must have length less than or equal to 64'),
    ],
    [
      { RoleSessionName: undefined },
      'ValidationError',
      constraint("null at 'roleSessionName' failed to satisfy constraint: Member must not be null"),
    ],
    [{ RoleArn: 'nothing-valid-in-here' }, 'ValidationError', 'nothing-valid-in-here is invalid'],
    [
      { ...tags('a'), TransitiveTagKeys: ['b'] },
      'InvalidParameterValue',
      'The specified transitive tag key must be included in the requested tags.',
    ],
    [
      tags('a', 'A'),
      'InvalidParameterValue',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    ],
    [{ Tags: [{ Key: 'a*', Value: '' }] }, 'ValidationError', expect.stringContaining("at 'tags.1.member.key' failed")],
    [
      { Tags: Array.from({ length: 3 }, (_, index) => ({ Key: `T${index}`, Value: 'a'.repeat(250) })) },
      'PackedPolicyTooLarge',
      'Packed size of session tags consumes 167% of allotted space.',
    ],
    [
      { Policy: JSON.stringify({ Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' } }) + ' '.repeat(2048) },
      'PackedPolicyTooLarge',
      'Packed policy consumes 104% of allotted space, please use smaller policy.',
    ],
    [{ Policy: '{' }, 'MalformedPolicyDocument', expect.stringContaining('JSON')],
    [
      {
        Policy: JSON.stringify({
          Statement: { Effect: 'Allow', Action: '*', Resource: '*', Condition: { Bool: { 'x:y': 'true' } } },
        }),
      },
      'MalformedPolicyDocument',
      'Unknown condition keys',
    ],
    [{ Policy: '{}' }, 'MalformedPolicyDocument', 'Syntax errors in policy.'],
    [
      { PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/Absent' }] },
      'ValidationError',
      expect.stringContaining('does not exist'),
    ],
    [{ SerialNumber: 'arn:aws:iam::111122223333:mfa/x' }, 'ValidationError', 'SerialNumber is not supported'],
  ])('%j', async (asked, code, message) => {
    const first = await chainable({ roles: [target({ maxSessionDuration: 43_200 })] });
    expect(await refusal(first, asked)).toEqual([code, 400, message]);
  });

  it('asks for more than the role allows', async () => {
    const first = await chainable({ roles: [target({ maxSessionDuration: 1800 })] });
    const message = 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.';
    expect(await refusal(first)).toEqual(['ValidationError', 400, message]);
  });

  it('can be counted, delayed, failed and spoilt', async () => {
    const first = await chainable();
    await emulated.control('PUT', '/faults', { assumeRole: { status: 503, times: 1 } });
    expect(await refusal(first)).toEqual(['ServiceUnavailable', 503, 'Service Unavailable']);
    const expired = { status: 403, code: 'ExpiredToken', message: 'It is expired', times: 1 };
    await emulated.control('PUT', '/faults', { assumeRole: expired });
    expect(await refusal(first)).toEqual(['ExpiredToken', 403, 'It is expired']);
    const credentials = { sessionToken: null, accessKeyId: 'ASIAX' };
    await emulated.control('PUT', '/faults', { assumeRole: { credentials, times: 1 } });
    expect((await assume(first))['Credentials']).toMatchObject({ AccessKeyId: 'ASIAX' });
    await emulated.control('PUT', '/faults', { assumeRole: { grantSeconds: 5 } });
    const { Credentials: issued } = (await assume(first)) as { Credentials: { Expiration: Date } };
    expect(issued.Expiration.getTime()).toBeLessThanOrEqual(Date.now() + 5000);
    expect((await emulated.control('GET', '/calls')).body).toMatchObject({ assumeRole: { total: 4, maxInFlight: 1 } });
  });
});
