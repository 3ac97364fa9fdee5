import { describe, expect, it } from 'vitest';
import { roleSession } from '../imds/endpoint.ts';
import type { HeaderLines } from '../support/raw-http.ts';
import { ContainerEndpoint, CREDENTIALS } from './endpoint.ts';

const ARN = 'arn:aws:iam::123456789012:role/path/uploader';

describe('credentials for a client with a token', () => {
  it('case 39: answers GET with a valid Authorization header', async () => {
    const endpoint = await ContainerEndpoint.open();
    const { status, headers, body } = await endpoint.get(`${CREDENTIALS}/uploader`);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, 'application/json', 'no-store']);
    expect(JSON.parse(body)).toEqual({
      RoleArn: ARN,
      AccessKeyId: 'ASIASESSION1',
      SecretAccessKey: 'the-secret-key/1',
      Token: 'the-session-token/1',
      Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      AccountId: '123456789012',
    });
  });

  it('in the form of credential_process, for curl on the socket', async () => {
    const endpoint = await ContainerEndpoint.open();
    for (const target of ['/v1/credential-process/uploader', '/v1/credential-process', `/v1/credential-process/${ARN}`])
      expect(JSON.parse((await endpoint.get(target)).body)).toEqual({
        Version: 1,
        AccessKeyId: 'ASIASESSION1',
        SecretAccessKey: 'the-secret-key/1',
        SessionToken: 'the-session-token/1',
        Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      });
    // The two forms are kept apart, and the same rules hold for both.
    expect(JSON.parse((await endpoint.get(`${CREDENTIALS}/uploader`)).body)).not.toHaveProperty('Version');
    expect((await endpoint.get('/v1/credential-process/reader')).status).toBe(403);
    expect((await endpoint.request('/v1/credential-process/uploader', [])).status).toBe(401);
    expect((await endpoint.get('/v1/credential-processes/uploader')).status).toBe(404);
    endpoint.session = undefined;
    expect((await endpoint.get('/v1/credential-process/uploader')).status).toBe(503);
  });

  it('case 39: serves the current session', async () => {
    const endpoint = await ContainerEndpoint.open();
    await endpoint.get(`${CREDENTIALS}/uploader`);
    endpoint.session = roleSession(2, endpoint.clock);
    expect(JSON.parse((await endpoint.get(`${CREDENTIALS}/uploader`)).body)).toMatchObject({
      AccessKeyId: 'ASIASESSION2',
    });
    endpoint.session = undefined;
    expect((await endpoint.get(`${CREDENTIALS}/uploader`)).status).toBe(503);
  });

  it.each(['', '/', '/uploader/', '//uploader', '/uploader?a=b', '/%75ploader', `/${ARN}`, `/${encodeURI(ARN)}/`])(
    'case 42: %s',
    async (name) => {
      const endpoint = await ContainerEndpoint.open();
      expect((await endpoint.get(`${CREDENTIALS}${name}`)).status).toBe(200);
    },
  );

  it.each(['/', '/v1', `${CREDENTIALS}/Uploader`, `${CREDENTIALS}/x/../uploader`])(
    'case 42: answers 404 at %s',
    async (target) => {
      const endpoint = await ContainerEndpoint.open();
      expect((await endpoint.get(target)).status).toBe(404);
    },
  );

  it('accepts only reading methods', async () => {
    const endpoint = await ContainerEndpoint.open();
    expect((await endpoint.get(`${CREDENTIALS}/uploader`, [], 'HEAD')).status).toBe(200);
    const post = await endpoint.get(`${CREDENTIALS}/uploader`, [], 'POST');
    expect([post.status, post.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });
});

describe('rejected clients', () => {
  it.each([
    ['no Authorization', () => []],
    ['an empty one', () => [['Authorization', '']]],
    ['one with a scheme', (token) => [['Authorization', `Bearer ${token}`]]],
    ['a token that is none', (token) => [['Authorization', token.replace(/^./, token.startsWith('A') ? 'B' : 'A')]]],
    ['a token cut short', (token) => [['Authorization', token.slice(1)]]],
    ['a token twice', (token) => ['1', '2'].map(() => ['Authorization', token] as const)],
  ] satisfies [string, (token: string) => HeaderLines][])('case 40: %s', async (_, headers) => {
    const endpoint = await ContainerEndpoint.open();
    for (const target of [`${CREDENTIALS}/uploader`, `${CREDENTIALS}/reader`, '/nothing']) {
      const response = await endpoint.request(target, headers(await endpoint.token()));
      expect(response.status).toBe(401);
      expect(JSON.parse(response.body)).toEqual({
        code: 'InvalidToken',
        message: expect.stringContaining('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE') as string,
      });
    }
    expect(endpoint.lines.filter(({ fields }) => fields['code'] === 'CONTAINER_TOKEN_REFUSED')).toHaveLength(1);
  });

  it('get no role that they may not use, and the log names it', async () => {
    const endpoint = await ContainerEndpoint.open();
    const response = await endpoint.get(`${CREDENTIALS}/reader`);
    expect([response.status, JSON.parse(response.body)]).toMatchObject([403, { code: 'AccessDenied' }]);
    const line = endpoint.lines.find(({ fields }) => fields['code'] === 'CONTAINER_ROLE_REFUSED');
    expect(line?.fields['error']).toMatch(/app .* reader/);
  });

  it.each([
    ['Host', 'evil.example', 403, 'ENDPOINT_HOST_REFUSED'],
    ['Host', '', 400, 'ENDPOINT_REQUEST_MALFORMED'],
    ['Origin', 'http://evil.example', 403, 'ENDPOINT_BROWSER_REFUSED'],
    ['Sec-Fetch-Site', 'cross-site', 403, 'ENDPOINT_BROWSER_REFUSED'],
  ])('%s: %s, with any token', async (name, value, status, code) => {
    const endpoint = await ContainerEndpoint.open();
    expect((await endpoint.get(`${CREDENTIALS}/uploader`, [[name, value]])).status).toBe(status);
    expect(endpoint.lines.some(({ fields }) => fields['code'] === code)).toBe(true);
  });

  it('have no token or key in the log', async () => {
    const endpoint = await ContainerEndpoint.open();
    await endpoint.get(`${CREDENTIALS}/uploader`);
    await endpoint.get(`${CREDENTIALS}/reader`);
    const log = JSON.stringify(endpoint.lines);
    expect(log).toContain('CONTAINER_ROLE_REFUSED');
    expect(log).not.toContain(await endpoint.token());
    expect(log).not.toContain('the-s');
  });
});
