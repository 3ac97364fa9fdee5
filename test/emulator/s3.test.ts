import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Credentials, credentialsOf, Emulated } from './support/emulated.ts';
import { type HmacChoices, signedGet } from './support/hmac-client.ts';

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

let emulated: Emulated;
let credentials: Credentials;

beforeAll(async () => {
  emulated = await Emulated.start();
  credentials = credentialsOf(await emulated.createSession());
});
afterAll(() => emulated.stop());

function choices(changes: Partial<HmacChoices> = {}): HmacChoices {
  return {
    at: emulated.clock.now(),
    host: `127.0.0.1:${emulated.port}`,
    service: 's3',
    payloadHash: EMPTY,
    ...changes,
  };
}

it.each([EMPTY, 'UNSIGNED-PAYLOAD'])('lists no buckets for requests signed %s', async (payloadHash) => {
  const response = await emulated.send(signedGet(credentials, choices({ payloadHash })));
  expect(response).toMatchObject({ status: 200, body: expect.stringContaining('<Buckets/>') as string });
});

it.each<[string, Partial<Credentials>, Partial<HmacChoices>, number, string]>([
  ['the wrong secret', { secretAccessKey: 'x'.repeat(40) }, {}, 403, 'SignatureDoesNotMatch'],
  ['an unknown key', { accessKeyId: 'ASIAAAAAAAAAAAAAAAAA' }, {}, 403, 'InvalidClientTokenId'],
  ['the hash of another payload', {}, { payloadHash: 'a'.repeat(64) }, 400, 'XAmzContentSHA256Mismatch'],
  ['the scope of another service', {}, { service: 'sts' }, 403, 'SignatureDoesNotMatch'],
])('refuses %s', async (_, wrong, changes, status, code) => {
  const response = await emulated.send(signedGet({ ...credentials, ...wrong }, choices(changes)));
  expect(response).toMatchObject({ status, body: expect.stringContaining(`<Code>${code}</Code>`) as string });
});

it('refuses unsigned requests, and counts them', async () => {
  await emulated.control('DELETE', '/calls');
  const response = await fetch(`${emulated.url}/`);
  expect(response.status).toBe(403);
  expect((await emulated.control('GET', '/calls')).body).toMatchObject({ listBuckets: { byStatus: { 403: 1 } } });
});

it('fails on request, in its own words', async () => {
  await emulated.control('PUT', '/faults', { listBuckets: { status: 503, times: 1 } });
  const response = await emulated.send(signedGet(credentials, choices()));
  expect(response).toMatchObject({
    status: 503,
    headers: { 'content-type': 'application/xml' },
    body: expect.stringContaining('<Code>ServiceUnavailable</Code>') as string,
  });
});
