import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeAuthority } from '../support/pki.ts';
import { credentialsOf, deviceOf, Emulated } from './support/emulated.ts';

let emulated: Emulated;
beforeEach(async () => {
  emulated = await Emulated.start();
});
afterEach(() => emulated.stop());

async function counts(): Promise<unknown> {
  return (await emulated.control('GET', '/calls')).body;
}

async function untilCalled(total: number): Promise<void> {
  await expect.poll(counts).toMatchObject({ createSession: { total } });
}

describe('faults', () => {
  it('answer with a status, as often as requested', async () => {
    const fault = { status: 503, retryAfter: 7, times: 2 };
    expect(await emulated.control('PUT', '/faults', { createSession: fault })).toEqual({
      status: 200,
      body: { createSession: fault },
    });
    expect(await emulated.createSession()).toMatchObject({
      status: 503,
      headers: { 'retry-after': '7', 'x-amzn-errortype': 'ServiceUnavailableException', 'x-emulator-fault': 'yes' },
    });
    expect((await emulated.control('GET', '/faults')).body).toEqual({ createSession: { ...fault, times: 1 } });
    expect(await emulated.createSession()).toMatchObject({ status: 503 });
    expect(await emulated.createSession()).toMatchObject({ status: 201 });
    expect(await counts()).toEqual({
      createSession: { total: 3, byStatus: { 201: 1, 503: 2 }, maxInFlight: 1 },
      assumeRole: { total: 0, byStatus: {}, maxInFlight: 0 },
      getCallerIdentity: { total: 0, byStatus: {}, maxInFlight: 0 },
      listBuckets: { total: 0, byStatus: {}, maxInFlight: 0 },
    });
  });

  it('throttle in the usual words', async () => {
    await emulated.control('PUT', '/faults', { createSession: { status: 429 } });
    expect(await emulated.createSession()).toMatchObject({
      status: 429,
      body: '{"message":"Rate exceeded"}',
      headers: { 'x-amzn-errortype': 'ThrottlingException' },
    });
  });

  it('answer with any body', async () => {
    await emulated.control('PUT', '/faults', { createSession: { body: 'not json' } });
    expect(await emulated.createSession()).toMatchObject({ status: 201, body: 'not json' });
    await emulated.control('PUT', '/faults', { createSession: { status: 502, body: '<html>' } });
    expect(await emulated.createSession()).toMatchObject({ status: 502, body: '<html>' });
  });

  it('answer with a redirect', async () => {
    const fault = { status: 307, location: 'http://127.0.0.1:1/sessions' };
    await emulated.control('PUT', '/faults', { createSession: fault });
    expect(await emulated.createSession()).toMatchObject({ status: 307, headers: { location: fault.location } });
  });

  it('shorten a session, which stays real', async () => {
    await emulated.control('PUT', '/faults', { createSession: { grantSeconds: 8 } });
    const { expiration } = credentialsOf(await emulated.createSession());
    expect(Date.parse(expiration)).toBe(emulated.clock.now() + 8_000);
  });

  it('grant incomplete or wrong sessions', async () => {
    const credentials = { sessionToken: null, secretAccessKey: '', expiration: '2020-01-01T00:00:00Z' };
    await emulated.control('PUT', '/faults', { createSession: { credentials } });
    const response = await emulated.createSession();
    expect(response.status).toBe(201);
    expect(credentialsOf(response)).toEqual({
      accessKeyId: expect.stringMatching(/^ASIA/) as string,
      secretAccessKey: '',
      expiration: '2020-01-01T00:00:00Z',
    });
  });

  it('pad the real answer, and a faulty one', async () => {
    await emulated.control('PUT', '/faults', { createSession: { padding: 2_000_000, times: 1 } });
    const padded = await emulated.createSession();
    expect(padded.body.length).toBeGreaterThan(2_000_000);
    expect(credentialsOf(padded).accessKeyId).toMatch(/^ASIA/);
    await emulated.control('PUT', '/faults', { createSession: { body: 'x', padding: 3 } });
    expect(await emulated.createSession()).toMatchObject({ status: 201, body: 'x   ' });
  });

  it('never turn a refusal into a grant', async () => {
    await emulated.control('PUT', '/faults', { createSession: { credentials: { accessKeyId: 'ASIANOBODY' } } });
    const stranger = await (await makeAuthority('Stranger')).issue();
    expect(await emulated.createSession({ device: deviceOf(stranger) })).toMatchObject({ status: 403 });
  });

  it('are removed by DELETE', async () => {
    await emulated.control('PUT', '/faults', { createSession: { status: 500 } });
    expect(await emulated.control('DELETE', '/faults')).toEqual({ status: 200, body: {} });
    expect(await emulated.createSession()).toMatchObject({ status: 201 });
  });

  it('delay, also together with a status', async () => {
    await emulated.control('PUT', '/faults', { createSession: { latencyMs: 2000, status: 500, times: 1 } });
    let status = 0;
    const answered = emulated.createSession().then((response) => (status = response.status));
    await untilCalled(1);
    await emulated.clock.advance(1999);
    expect(await counts()).toMatchObject({ createSession: { total: 1, byStatus: {} } });
    expect(status).toBe(0);
    await emulated.clock.advance(1);
    expect(await answered).toBe(500);
  });

  it('reset the connection', async () => {
    await emulated.control('PUT', '/faults', { createSession: { reset: true } });
    await expect(emulated.createSession()).rejects.toThrow('closed without a whole answer');
    expect(await counts()).toMatchObject({ createSession: { byStatus: { dropped: 1 } } });
  });

  it("hang, without blocking the emulator's stop", async () => {
    await emulated.control('PUT', '/faults', { createSession: { hang: true, times: 2 } });
    const hanging = Promise.allSettled([emulated.createSession(), emulated.createSession()]);
    await untilCalled(2);
    expect(await counts()).toMatchObject({ createSession: { maxInFlight: 2, byStatus: {} } });
    expect(await emulated.createSession()).toMatchObject({ status: 201 });
    await emulated.stop();
    expect((await hanging).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    emulated = await Emulated.start();
  });

  it('apply to STS too', async () => {
    await emulated.control('PUT', '/faults', { getCallerIdentity: { status: 503 } });
    const response = await fetch(`${emulated.url}/?Action=GetCallerIdentity&Version=2011-06-15`);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('<Code>ServiceUnavailable</Code>');
    expect(await counts()).toMatchObject({
      getCallerIdentity: { total: 1, byStatus: { 503: 1 } },
      createSession: { total: 0 },
    });
  });

  it.each<[string, unknown, string]>([
    ['what is not JSON', 'latencyMs=1', ''],
    ['an unknown operation', { createsession: { status: 500 } }, 'createsession'],
    ['an unknown effect', { createSession: { delay: 1 } }, 'createSession.delay'],
    ['a status that is none', { createSession: { status: 99 } }, 'createSession.status'],
    ['a delay that is text', { createSession: { latencyMs: '1' } }, 'createSession.latencyMs'],
    ['no effect', { createSession: { times: 1 } }, 'names no effect'],
    ['two endings', { createSession: { hang: true, status: 500 } }, 'exclude each other'],
    ['a changed session and a status', { createSession: { grantSeconds: 8, status: 500 } }, 'exclude each other'],
    ['a Location that ends its line', { createSession: { status: 302, location: 'a\r\nb' } }, 'createSession.location'],
    ['credentials for STS', { getCallerIdentity: { grantSeconds: 8 } }, 'are for createSession'],
    ['Retry-After for nothing', { createSession: { latencyMs: 5, retryAfter: 1 } }, 'need a status'],
  ])('reject %s, and keep the active ones', async (_, wanted, problem) => {
    await emulated.control('PUT', '/faults', { createSession: { status: 418 } });
    const { status, body } = await emulated.control('PUT', '/faults', wanted);
    expect(status).toBe(400);
    expect(JSON.stringify((body as { problems: string[] }).problems)).toContain(problem);
    expect((await emulated.control('GET', '/faults')).body).toEqual({ createSession: { status: 418 } });
  });
});

describe('the rest of the emulator', () => {
  it('says that it is not AWS', async () => {
    const response = await fetch(`${emulated.url}/_emulator`);
    expect(response.headers.get('server')).toContain('not AWS');
    expect(await response.json()).toMatchObject({ notice: expect.stringContaining('not AWS') as string });
  });

  it('has no other paths', async () => {
    for (const path of ['/bucket', '/sessions', '/_emulator/nothing', '/%zz?%zz'])
      expect((await fetch(emulated.url + path)).status).toBe(404);
  });

  it('resets its counts on request', async () => {
    await emulated.createSession();
    const none = { total: 0, byStatus: {}, maxInFlight: 0 };
    expect(await emulated.control('DELETE', '/calls')).toEqual({
      status: 200,
      body: { createSession: none, assumeRole: none, getCallerIdentity: none, listBuckets: none },
    });
  });

  it('rejects a long body without storing it', async () => {
    const response = await fetch(`${emulated.url}/sessions`, { method: 'POST', body: 'x'.repeat(300_000) });
    expect(response.status).toBe(413);
  });

  it('accepts headers as long as ML-DSA-87 certificates make them', async () => {
    const headers = [['X-Padding', 'x'.repeat(40_000)] as const];
    expect(await emulated.createSession({ headers })).toMatchObject({ status: 201 });
  });

  it('reports events to its owner, and survives a failing owner', async () => {
    const events: string[] = [];
    await emulated.stop();
    emulated = await Emulated.start({}, { onEvent: ({ eventName }) => events.push(eventName) });
    await emulated.createSession();
    expect(events).toEqual(['CreateSession', 'AssumeRole']);
    await emulated.stop();
    emulated = await Emulated.start(
      {},
      {
        onEvent: () => {
          throw new Error('owner');
        },
      },
    );
    expect(await emulated.createSession()).toMatchObject({
      status: 500,
      headers: { 'x-amzn-errortype': 'InternalServerException' },
    });
    expect(await emulated.control('GET', '/calls')).toMatchObject({ status: 200 });
  });
});
