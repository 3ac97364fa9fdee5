import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import { KeyFailure } from '../../src/keys/key-errors.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { createSessionAt, type CreateSessionOptions } from '../../src/rolesanywhere/create-session.ts';
import { ExchangeFailure } from '../../src/rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import type { RoleTarget } from '../../src/rolesanywhere/role-target.ts';
import { rolesAnywhereError } from '../../src/rolesanywhere/rolesanywhere-errors.ts';
import type { HttpAnswer, HttpRequest, Send } from '../../src/rolesanywhere/send.ts';
import { canonicalRequest, stringToSign } from '../../src/rolesanywhere/sigv4.ts';
import { sign as signWithKey } from '../support/signer.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { granted, identity as anyIdentity, NOW, refused, target } from './support.ts';

const answering =
  (answer: HttpAnswer): Send =>
  () =>
    Promise.resolve(answer);

interface Given {
  readonly send: Send;
  readonly sign?: Signer;
  readonly identity?: SigningIdentity;
  readonly role?: RoleTarget;
  readonly rolesAnywhere?: CreateSessionOptions['rolesAnywhere'];
}

function exchange({
  send,
  sign = signWithKey,
  identity = anyIdentity,
  role = target,
  rolesAnywhere = { fips: false, dualStack: false },
}: Given): Promise<RoleSession> {
  const createSession = createSessionAt({ rolesAnywhere, clock: new VirtualClock(NOW), sign, send });
  return createSession(identity, role, new AbortController().signal);
}

async function failureOf(given: Given): Promise<ExchangeFailure> {
  const outcome: unknown = await exchange(given).catch((error: unknown) => error);
  if (!(outcome instanceof ExchangeFailure)) throw new Error('expected an ExchangeFailure', { cause: outcome });
  return outcome;
}

/** The request that is sent for a role, and the text that is signed for it. */
async function requestFor(role: RoleTarget): Promise<{ readonly sent: HttpRequest; readonly signed: string }> {
  const sent: HttpRequest[] = [];
  const signed: string[] = [];
  const send: Send = (request) => {
    sent.push(request);
    return Promise.resolve(granted());
  };
  const sign: Signer = (identity, text, signal) => {
    signed.push(text.toString());
    return signWithKey(identity, text, signal);
  };
  await exchange({ send, sign, role });
  const [request, text] = [sent[0], signed[0]];
  if (!request || text === undefined) throw new Error('nothing was sent');
  return { sent: request, signed: text };
}

describe('CreateSession', () => {
  it('sends the ARNs in the query and the rest as JSON', async () => {
    const { sent } = await requestFor(target);
    const host = 'rolesanywhere.eu-central-1.amazonaws.com';
    const { origin, pathname, searchParams } = new URL(sent.url);
    expect([sent.method, origin, pathname]).toEqual(['POST', `https://${host}`, '/sessions']);
    const { profileArn, roleArn, trustAnchorArn } = target;
    expect(Object.fromEntries(searchParams)).toEqual({ profileArn, roleArn, trustAnchorArn });
    expect(sent.headers).toMatchObject({ 'content-type': 'application/json', host });
    expect(sent.body).toBe('{"durationSeconds":3600}');
    expect((await requestFor({ ...target, roleSessionName: 'a+b=c' })).sent.body).toBe(
      '{"durationSeconds":3600,"roleSessionName":"a+b=c"}',
    );
  });

  it('signs what it sends', async () => {
    const { sent, signed } = await requestFor(target);
    const { pathname, searchParams } = new URL(sent.url);
    const { authorization, ...headers } = sent.headers;
    const query = Object.fromEntries(searchParams);
    const canonical = canonicalRequest({ method: sent.method, path: pathname, query, headers, body: sent.body });
    const scope = { region: 'eu-central-1', service: 'rolesanywhere', now: NOW };
    expect(signed).toBe(stringToSign(canonical, anyIdentity.algorithm, scope));
    expect(authorization).toContain(`SignedHeaders=${Object.keys(headers).sort().join(';')}`);
  });

  it('returns the session of any 2xx answer', async () => {
    for (const status of [200, 201, 202, 299])
      await expect(exchange({ send: answering({ ...granted(), status }) })).resolves.toMatchObject({
        accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
        receivedAt: NOW,
      });
  });

  it('takes no session from any other answer', async () => {
    for (const status of [199, 300])
      await expect(exchange({ send: answering({ ...granted(), status }) })).rejects.toBeInstanceOf(ExchangeFailure);
  });

  it('sends nothing if the ARNs or the endpoint are invalid', async () => {
    const send: Send = () => Promise.reject(new Error('was called'));
    const otherAccount = { ...target, roleArn: target.roleArn.replace('123456789012', '210987654321') };
    expect(await failureOf({ send, role: otherAccount })).toMatchObject({ code: 'ARN_ACCOUNTS_DIFFER', retry: 'slow' });
    const rolesAnywhere = { endpoint: 'http://10.0.0.1', fips: false, dualStack: false };
    expect(await failureOf({ send, rolesAnywhere })).toMatchObject({ code: 'ENDPOINT_INSECURE', retry: 'slow' });
  });

  it('reports a refusal by the service', async () => {
    const failure = await failureOf({ send: answering(refused('Certificate revoked')) });
    expect(failure).toMatchObject({ code: 'RA_CERTIFICATE_REVOKED', retry: 'slow', requestId: 'request-1' });
  });

  it('explains a refusal with what it sent', async () => {
    const send = answering(refused("Specified Trust Anchor wasn't found."));
    const unknown = await failureOf({ send, identity: { ...anyIdentity, chain: [] } });
    expect(unknown.remedy).toContain('aws rolesanywhere get-trust-anchor --region eu-central-1');
  });

  it('reports a network failure', async () => {
    const send: Send = () => Promise.reject(rolesAnywhereError('RA_CONNECTION_REFUSED', 'connect ECONNREFUSED'));
    expect(await failureOf({ send })).toMatchObject({ code: 'RA_CONNECTION_REFUSED', retry: 'soon' });
  });

  it('fails with a code even for a defect', async () => {
    const send: Send = () => {
      throw new TypeError('undefined is not a function');
    };
    expect(await failureOf({ send })).toMatchObject({ code: 'INTERNAL', retry: 'soon' });
  });

  it.each(['soon', 'slow'] as const)('keeps the reason of a key that cannot sign: %s', async (retry) => {
    const sign: Signer = () => Promise.reject(new KeyFailure('SIGNATURE_FAILED', 'the token is gone', { retry }));
    expect(await failureOf({ sign, send: () => Promise.reject(new Error('never sent')) })).toMatchObject({
      code: 'SIGNATURE_FAILED',
      retry,
    });
  });

  it('a key file that cannot sign needs a change by people', async () => {
    const key = { kind: 'file', privateKey: createSecretKey(Buffer.alloc(1)) } as const;
    const failing = exchange({
      identity: { ...anyIdentity, key },
      send: () => Promise.reject(new Error('never sent')),
    });
    await expect(failing).rejects.toMatchObject({ code: 'SIGNATURE_FAILED', retry: 'slow' });
    await expect(failing).rejects.toBeInstanceOf(ExchangeFailure);
  });

  it('retries an unusable answer soon', async () => {
    const failure = await failureOf({ send: answering({ ...granted(), body: '{}' }) });
    expect(failure).toMatchObject({ code: 'RA_ANSWER_INCOMPLETE', retry: 'soon', requestId: 'request-1' });
  });

  it('blames the clock for a session that seems expired, if the clock is off', async () => {
    const over = granted('2026-11-22T11:00:00Z');
    expect(await failureOf({ send: answering(over) })).toMatchObject({ code: 'RA_ANSWER_EXPIRED', retry: 'soon' });
    const dated = { ...over, headers: { ...over.headers, date: 'Sun, 22 Nov 2026 10:00:00 GMT' } };
    const failure = await failureOf({ send: answering(dated) });
    expect(failure).toMatchObject({ code: 'RA_CLOCK_OFF', retry: 'soon', requestId: 'request-1' });
    expect(failure.message).toContain('7200 seconds ahead of');
  });
});
