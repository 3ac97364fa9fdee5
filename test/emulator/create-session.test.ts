import { afterEach, describe, expect, it } from 'vitest';
import { type KeyKind, makeAuthority } from '../support/pki.ts';
import type { RawResponse } from '../support/raw-http.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import {
  type AccountChanges,
  answerOf,
  type Asking,
  credentialsOf,
  deviceOf,
  Emulated,
  PARAMETERS,
  ROLE_ARN,
  trustPolicy,
} from './support/emulated.ts';

let emulated: Emulated;
afterEach(() => emulated.stop());

async function ask(asking: Asking = {}, changes: AccountChanges = {}): Promise<RawResponse> {
  emulated = await Emulated.start(changes);
  return emulated.createSession(asking);
}

describe('a valid CreateSession', () => {
  const keys: readonly KeyKind[] = ['RSA-2048', 'RSA-4096', 'P-256', 'P-384', 'P-521'];

  it.each(keys.flatMap((kind) => [[kind, 'query'] as const, [kind, 'body'] as const]))(
    'gets in with %s, ARNs in the %s',
    async (kind, form) => {
      emulated = await Emulated.start();
      const device = await emulated.issue({ keys: kind });
      expect(await emulated.createSession({ device, form })).toMatchObject({ status: 201 });
    },
  );

  it('is answered as documented', async () => {
    const response = await ask();
    expect(response.headers).toMatchObject({
      'content-type': 'application/json',
      'x-amzn-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      server: 'imds-anywhere emulator (not AWS)',
      date: 'Sun, 22 Nov 2026 12:00:00 GMT',
    });
    expect(answerOf(response)).toEqual({
      credentialSet: [
        {
          assumedRoleUser: {
            arn: 'arn:aws:sts::111122223333:assumed-role/device/5a01',
            assumedRoleId: expect.stringMatching(/^AROA[0-9A-F]{17}:5a01$/) as string,
          },
          credentials: {
            accessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/) as string,
            secretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/) as string,
            sessionToken: expect.stringMatching(/^[A-Za-z0-9+/]{500,}$/) as string,
            expiration: '2026-11-22T13:00:00Z',
          },
          packedPolicySize: expect.any(Number) as number,
          roleArn: ROLE_ARN,
          sourceIdentity: 'CN=device-0001',
        },
      ],
      subjectArn: expect.stringMatching(
        /^arn:aws:rolesanywhere:eu-central-1:111122223333:subject\/[0-9a-f-]{36}$/,
      ) as string,
    });
  });

  it('has one subject ARN per subject, and new credentials each time', async () => {
    emulated = await Emulated.start({ role: { trustPolicy: trustPolicy(undefined, {}) } });
    const [first, renewed, other] = await Promise.all(
      ['CN=device-0001', 'CN=device-0001', 'CN=device-0002'].map(async (subject) =>
        emulated.createSession({ device: await emulated.issue({ subject }) }),
      ),
    );
    if (!first || !renewed || !other) throw new Error('three answers');
    expect(answerOf(renewed).subjectArn).toBe(answerOf(first).subjectArn);
    expect(answerOf(other).subjectArn).not.toBe(answerOf(first).subjectArn);
    expect(credentialsOf(renewed).accessKeyId).not.toBe(credentialsOf(first).accessKeyId);
  });

  it('may use an intermediate that it sends', async () => {
    emulated = await Emulated.start();
    const intermediate = await emulated.authority.subordinate('Intermediate');
    const leaf = await intermediate.issue();
    const chain = [intermediate.certificateDer];
    expect(await emulated.createSession({ device: deviceOf(leaf, chain) })).toMatchObject({ status: 201 });
    expect(await emulated.createSession({ device: deviceOf(leaf) })).toMatchObject({ status: 403 });
  });

  it.each([
    ['what the profile gives, when nothing is asked', undefined, 1800, '2026-11-22T12:30:00Z'],
    ['what is asked, when the profile gives more', 900, 3600, '2026-11-22T12:15:00Z'],
    ['what the profile gives, when more is asked', 3600, 900, '2026-11-22T12:15:00Z'],
  ])('lasts %s', async (_, asked, given, expiration) => {
    const response = await ask(
      { parameters: { ...PARAMETERS, durationSeconds: asked } },
      { profile: { durationSeconds: given } },
    );
    expect(credentialsOf(response).expiration).toBe(expiration);
  });

  it('lasts at most grantSeconds, after all checks', async () => {
    emulated = await Emulated.start({}, { grantSeconds: 60 });
    expect(credentialsOf(await emulated.createSession()).expiration).toBe('2026-11-22T12:01:00Z');
    const tooShort = await emulated.createSession({ parameters: { ...PARAMETERS, durationSeconds: 60 } });
    expect(tooShort.status).toBe(400);
  });

  it('has the session name if the profile accepts one', async () => {
    const parameters = { ...PARAMETERS, roleSessionName: 'edge@plant-7' };
    const response = await ask({ parameters }, { profile: { acceptRoleSessionName: true } });
    expect(answerOf(response).credentialSet[0]?.assumedRoleUser.arn).toMatch(/:assumed-role\/device\/edge@plant-7$/);
  });

  it('may use an endpoint with a base path, if that was signed', async () => {
    expect(await ask({ path: '/base/sessions' })).toMatchObject({ status: 201 });
    expect(await emulated.createSession({ path: '/base/sessions', pathToSign: '/sessions' })).toMatchObject({
      status: 403,
    });
  });

  it('is accepted with any spacing in Authorization', async () => {
    expect(await ask({ separator: ',' })).toMatchObject({ status: 201 });
    expect(await emulated.createSession({ separator: ',   ' })).toMatchObject({ status: 201 });
  });
});

const other = {
  arn: 'arn:aws:rolesanywhere:eu-central-1:111122223333:profile/other',
  role: 'arn:aws:iam::111122223333:role/other',
};
const unable = `Unable to assume role for ${ROLE_ARN}`;

/**
 * The request, the account, the service's words (observed, see reference), and a word of the
 * detail.
 */
const REFUSALS: readonly (readonly [string, Asking, AccountChanges, string, string])[] = [
  [
    'an unknown trust anchor',
    { parameters: { ...PARAMETERS, trustAnchorArn: 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/x' } },
    {},
    "Specified Trust Anchor wasn't found.",
    'trust-anchor/x',
  ],
  [
    'an unknown profile',
    { parameters: { ...PARAMETERS, profileArn: other.arn } },
    {},
    'Invalid or empty profile provided.',
    'profile/other',
  ],
  [
    'a role that the profile does not list',
    { parameters: { ...PARAMETERS, roleArn: other.role } },
    {},
    "Requested Role isn't one of those listed in the Profile.",
    'role/other',
  ],
  [
    'a session name where none is accepted',
    { parameters: { ...PARAMETERS, roleSessionName: 'mine' } },
    {},
    'Not authorized to set roleSessionName',
    'acceptRoleSessionName',
  ],
  [
    'a role that does not exist',
    { parameters: { ...PARAMETERS, roleArn: other.role } },
    { profile: { roleArns: [other.role] } },
    `Unable to assume role for ${other.role}`,
    'no role',
  ],
  [
    'a policy without TagSession',
    {},
    { role: { trustPolicy: trustPolicy(['sts:AssumeRole', 'sts:SetSourceIdentity']) } },
    unable,
    'sts:TagSession',
  ],
  [
    'a policy without SetSourceIdentity',
    {},
    { role: { trustPolicy: trustPolicy(['sts:AssumeRole', 'sts:TagSession']) } },
    unable,
    'sts:SetSourceIdentity',
  ],
  [
    'the policy of the tutorials',
    {},
    {
      role: {
        trustPolicy: trustPolicy(['sts:AssumeRole'], { StringEquals: { 'aws:PrincipalTag/DeviceType': 'sensor' } }),
      },
    },
    unable,
    'DeviceType',
  ],
  [
    'more time than the role allows',
    { parameters: { ...PARAMETERS, durationSeconds: 43_200 } },
    { profile: { durationSeconds: 43_200 } },
    `${unable}. The requested DurationSeconds exceeds the MaxSessionDuration set for this role.`,
    '43200',
  ],
];

describe('a refused CreateSession', () => {
  it.each(REFUSALS)('for %s', async (_, asking, changes, message, detail) => {
    const response = await ask(asking, changes);
    expect(response).toMatchObject({ status: 403, headers: { 'x-amzn-errortype': 'AccessDeniedException' } });
    expect(response.headers['x-emulator-unverified']).toBeUndefined();
    expect(JSON.parse(response.body)).toEqual({ message });
    expect(response.headers['x-emulator-detail']).toContain(detail);
    expect(JSON.stringify(emulated.log)).toContain(detail);
  });

  it('is decided at the time of the emulator', async () => {
    const until = (time: number): ReturnType<typeof trustPolicy> =>
      trustPolicy(undefined, { DateLessThan: { 'aws:CurrentTime': new Date(time).toISOString() } });
    const now = new VirtualClock().now();
    expect((await ask({}, { role: { trustPolicy: until(now + 60_000) } })).status).toBe(201);
    await emulated.stop();
    expect((await ask({}, { role: { trustPolicy: until(now - 60_000) } })).status).toBe(403);
  });

  it('names all three actions that the policy of the tutorials denies', async () => {
    const policy = trustPolicy(['sts:AssumeRole'], { StringEquals: { 'aws:PrincipalTag/DeviceType': 'sensor' } });
    const { headers } = await ask({}, { role: { trustPolicy: policy } });
    for (const part of [
      'sts:AssumeRole: no role trust policy allows it; closest is statement 1 of the trust policy: StringEquals',
      'sts:TagSession: no role trust policy allows it',
      'sts:SetSourceIdentity: no role trust policy allows it',
    ])
      expect(headers['x-emulator-detail']).toContain(part);
  });

  it.each([
    ['a disabled trust anchor', { anchor: { enabled: false } }],
    ['a disabled profile', { profile: { enabled: false } }],
    ['missing instance properties', { profile: { requireInstanceProperties: true } }],
  ])('for %s, in words marked as our own', async (_, changes) => {
    expect(await ask({}, changes)).toMatchObject({ status: 403, headers: { 'x-emulator-unverified': 'wording' } });
  });

  it('unless the instance properties are present', async () => {
    const parameters = { ...PARAMETERS, instanceProperties: { rack: '7' } };
    const changes = { profile: { requireInstanceProperties: true } };
    expect(await ask({ parameters, form: 'body' }, changes)).toMatchObject({ status: 201 });
  });

  it.each([
    [
      'another certificate',
      'Untrusted signing certificate',
      async () => deviceOf(await (await makeAuthority()).issue()),
    ],
    [
      'a certificate that may not sign',
      'Untrusted certificate. Insufficient certificate',
      () => emulated.issue({ keyUsage: ['keyEncipherment'] }),
    ],
    ['a CA certificate', 'Untrusted certificate. Insufficient certificate', () => emulated.issue({ ca: true })],
    ['an expired certificate', '', () => emulated.issue({ notAfter: Date.parse('2026-11-22T11:59:00Z') })],
    [
      'attributes that cannot be tags',
      `${unable}. Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]`,
      () => emulated.issue({ alternativeNames: [{ type: 'dns', value: '*.example.com' }] }),
    ],
  ])('for %s', async (_, message, device) => {
    emulated = await Emulated.start();
    const response = await emulated.createSession({ device: await device() });
    expect(response.status).toBe(403);
    expect(response.body).toContain(message);
  });

  it.each([
    [
      { durationSeconds: 899 },
      "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    ],
    [{ durationSeconds: 43_201 }, 'Member must have value less than or equal to 43200'],
    [{ durationSeconds: '3600' }, 'Member must be an integer'],
    [{ roleSessionName: 'x' }, 'Member must have length greater than or equal to 2'],
    [{ roleSessionName: 'a b' }, 'Member must satisfy regular expression pattern'],
    [
      { trustAnchorArn: undefined },
      "1 validation error detected: Value null at 'trustAnchorArn' failed to satisfy constraint: Member must not be null",
    ],
    [{ roleArn: 'role/x', profileArn: 'x' }, '2 validation errors detected'],
    [{ instanceProperties: { a: 7 } }, 'Member must be a string'],
    [{ instanceProperties: { a: '' } }, 'Member must have length greater than or equal to 1'],
  ])('for the parameters %j', async (change, message) => {
    const response = await ask({ form: 'body', parameters: { ...PARAMETERS, ...change } });
    expect(response).toMatchObject({ status: 400, headers: { 'x-amzn-errortype': 'ValidationException' } });
    expect((JSON.parse(response.body) as { message: string }).message).toContain(message);
  });
});

describe('the event pair', () => {
  it('has subject, serial, source identity and tags, and no secret', async () => {
    const response = await ask();
    const { secretAccessKey, sessionToken } = credentialsOf(response);
    const { body } = await emulated.control('GET', '/events');
    expect(body).toMatchObject([
      { eventName: 'CreateSession', x509Subject: expect.stringContaining('CN=device-0001') as string, serial: '5a01' },
      {
        eventName: 'AssumeRole',
        requestParameters: {
          roleSessionName: '5a01',
          sourceIdentity: 'CN=device-0001',
          principalTags: { 'x509Subject/CN': 'device-0001', 'x509Issuer/CN': 'Root' },
        },
      },
    ]);
    for (const text of [JSON.stringify(body), JSON.stringify(emulated.log)]) {
      expect(text).not.toContain(secretAccessKey);
      expect(text).not.toContain(sessionToken);
    }
  });

  it('has the reason of a refused call', async () => {
    await ask({}, { role: { trustPolicy: trustPolicy(['sts:AssumeRole']) } });
    const { body } = await emulated.control('GET', '/events');
    const why = {
      errorCode: 'AccessDeniedException',
      errorMessage: unable,
      errorDetail: expect.stringContaining('sts:TagSession') as string,
    };
    expect(body).toMatchObject([
      { eventName: 'CreateSession', ...why },
      { eventName: 'AssumeRole', ...why },
    ]);
  });
});
