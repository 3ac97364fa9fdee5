import { GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/foundation/clock.ts';
import { type Credentials, credentialsOf, Emulated } from './support/emulated.ts';
import { presignedGet, signedGet } from './support/hmac-client.ts';
import type { HttpRequest } from './support/x509-client.ts';

/** The SDK uses the real time, so the emulator does too, plus an offset of the test. */
let ahead = 0;
let emulated: Emulated;
let credentials: Credentials;

beforeAll(async () => {
  emulated = await Emulated.start({}, { clock: { ...systemClock, now: () => Date.now() + ahead } });
  credentials = credentialsOf(await emulated.createSession({ at: Date.now() }));
});
afterEach(() => {
  ahead = 0;
});
afterAll(() => emulated.stop());

function clientWith(changes: Partial<Credentials> = {}, clockOffset = 0): STSClient {
  const { accessKeyId, secretAccessKey, sessionToken } = { ...credentials, ...changes };
  return new STSClient({
    endpoint: emulated.url,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    systemClockOffset: clockOffset,
    maxAttempts: 1,
  });
}

function identify(changes: Partial<Credentials> = {}, clockOffset = 0): Promise<object> {
  return clientWith(changes, clockOffset).send(new GetCallerIdentityCommand({}));
}

const IDENTITY = {
  Arn: 'arn:aws:sts::111122223333:assumed-role/device/5a01',
  Account: '111122223333',
  UserId: expect.stringMatching(/^AROA[0-9A-F]{17}:5a01$/) as string,
};

describe('GetCallerIdentity by the AWS SDK', () => {
  it('names the assumed role', async () => {
    expect(await identify()).toMatchObject({
      ...IDENTITY,
      $metadata: { httpStatusCode: 200, requestId: expect.any(String) as string },
    });
  });

  it.each<[string, () => Partial<Credentials>, string]>([
    ['the wrong secret', () => ({ secretAccessKey: 'x'.repeat(40) }), 'SignatureDoesNotMatch'],
    ['an unknown key', () => ({ accessKeyId: 'ASIAAAAAAAAAAAAAAAAA' }), 'InvalidClientTokenId'],
    ['another token', () => ({ sessionToken: `${credentials.sessionToken.slice(0, -1)}!` }), 'InvalidClientTokenId'],
    ['no token', () => ({ sessionToken: '' }), 'InvalidClientTokenId'],
  ])('refuses %s', async (_, changes, name) => {
    await expect(identify(changes())).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 403 } });
  });

  it('refuses a wrong clock', async () => {
    const refusal = { name: 'SignatureDoesNotMatch', message: expect.stringContaining('Signature expired') as string };
    await expect(identify({}, -16 * 60_000)).rejects.toMatchObject(refusal);
    const ahead = {
      name: 'SignatureDoesNotMatch',
      message: expect.stringContaining('Signature not yet current') as string,
    };
    await expect(identify({}, 16 * 60_000)).rejects.toMatchObject(ahead);
  });

  it('refuses an expired session', async () => {
    ahead = 3600_000;
    await expect(identify({}, ahead)).rejects.toMatchObject({
      name: 'ExpiredToken',
      $metadata: { httpStatusCode: 403 },
    });
    ahead -= 5000;
    expect(await identify({}, ahead)).toMatchObject(IDENTITY);
  });

  it('is the only supported action', async () => {
    await expect(clientWith().send(new GetSessionTokenCommand({}))).rejects.toMatchObject({
      name: 'InvalidAction',
      message: expect.stringContaining('GetSessionToken') as string,
    });
  });
});

describe('GetCallerIdentity by hand', () => {
  const choices = (at = Date.now()): { at: number; host: string } => ({ at, host: `127.0.0.1:${emulated.port}` });

  it('works as GET, and as a presigned URL', async () => {
    for (const request of [signedGet(credentials, choices()), presignedGet(credentials, 60, choices())]) {
      const response = await emulated.send(request);
      expect(response.headers['x-emulator-detail']).toBeUndefined();
      expect(response).toMatchObject({ status: 200, headers: { 'content-type': 'text/xml' } });
      expect(response.body).toContain(`<Arn>${IDENTITY.Arn}</Arn>`);
    }
  });

  it('fails after the lifetime of a presigned URL', async () => {
    const response = await emulated.send(presignedGet(credentials, 60, choices(Date.now() - 62_000)));
    expect(response).toMatchObject({ status: 403, body: expect.stringContaining('Signature expired') as string });
  });

  it.each<[string, (request: HttpRequest) => HttpRequest, number, string]>([
    [
      'no signature',
      (request) => ({ ...request, headers: request.headers.slice(0, 1) }),
      403,
      'MissingAuthenticationToken',
    ],
    [
      'a broken signature',
      (request) => ({ ...request, headers: [...request.headers.slice(0, 3), ['authorization', 'AWS4-HMAC-SHA256 x']] }),
      400,
      'IncompleteSignature',
    ],
    [
      'a parameter added',
      (request) => ({ ...request, query: `${request.query}&More=1` }),
      403,
      'SignatureDoesNotMatch',
    ],
    [
      'another host',
      (request) => ({ ...request, headers: [['host', 'sts.example'], ...request.headers.slice(1)] }),
      403,
      'SignatureDoesNotMatch',
    ],
  ])('is refused with %s', async (_, tamper, status, code) => {
    const response = await emulated.send(tamper(signedGet(credentials, choices())));
    expect(response).toMatchObject({ status, body: expect.stringContaining(`<Code>${code}</Code>`) as string });
  });

  it('is refused in the scope of another service', async () => {
    const response = await emulated.send(signedGet(credentials, { ...choices(), service: 's3' }));
    expect(response.headers['x-emulator-detail']).toContain('s3, not sts');
  });
});
