import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { metadataTokens } from '../../src/imds/metadata-token.ts';
import { RawConnection, requestBytes } from '../support/raw-http.ts';
import { CREDENTIALS, Endpoint, TOKEN, TTL_HEADER } from './endpoint.ts';

const TOKEN_FORM = /^[A-Za-z0-9_-]{56}$/;

describe('asking for a token', () => {
  it('case 1: answers PUT with a TTL and Content-Length: 0', async () => {
    const endpoint = await Endpoint.open();
    const response = await endpoint.request('PUT', TOKEN, [
      [TTL_HEADER, '21600'],
      ['Content-Length', '0'],
    ]);
    expect(response.status).toBe(200);
    expect(response.body).toMatch(TOKEN_FORM);
    expect(response.headers).toMatchObject({ 'content-type': 'text/plain', [TTL_HEADER]: '21600' });
  });

  it('case 2: answers PUT without Content-Length and body at once', async () => {
    const endpoint = await Endpoint.open();
    const response = await endpoint.request('PUT', TOKEN, [[TTL_HEADER, '21600']]);
    expect(response.status).toBe(200);
    expect(response.body).toMatch(TOKEN_FORM);
  });

  it('case 3: answers PUT with an empty chunked body', async () => {
    const endpoint = await Endpoint.open();
    const head = requestBytes('PUT', TOKEN, [
      ['Host', endpoint.host],
      [TTL_HEADER, '60'],
      ['Transfer-Encoding', 'chunked'],
    ]);
    expect((await endpoint.raw(`${head}0\r\n\r\n`)).body).toMatch(TOKEN_FORM);
  });

  it.each(['1', '10', '300', '600', '3600', '21600'])('case 4: returns TTL %s', async (ttl) => {
    const endpoint = await Endpoint.open();
    const response = await endpoint.request('PUT', TOKEN, [[TTL_HEADER, ttl]]);
    expect(response.status).toBe(200);
    expect(response.headers[TTL_HEADER]).toBe(ttl);
  });

  it.each([
    ['missing', []],
    ['twice', ['300', '300']],
    ...['', '0', '-1', '21601', 'abc', '1.5', '+5', '1e3', '0x10', '5, 5', '5 5', '9'.repeat(30)].map(
      (value): [string, string[]] => [`"${value}"`, [value]],
    ),
  ])('case 5: rejects TTL %s', async (_, values) => {
    const endpoint = await Endpoint.open();
    const response = await endpoint.request(
      'PUT',
      TOKEN,
      values.map((value) => [TTL_HEADER, value] as const),
    );
    expect(response.status).toBe(400);
    expect(response.headers).not.toHaveProperty(TTL_HEADER);
  });

  it.each([
    'X-aws-ec2-metadata-token-ttl-seconds',
    'X-Aws-Ec2-Metadata-Token-Ttl-Seconds',
    'X-AWS-EC2-METADATA-TOKEN-TTL-SECONDS',
    'x-aws-ec2-metadata-token-ttl-seconds',
  ])('case 6: accepts the header as %s', async (name) => {
    const endpoint = await Endpoint.open();
    const put = await endpoint.request('PUT', TOKEN, [[name, '60']]);
    expect(put.status).toBe(200);
    const get = await endpoint.request('GET', `${CREDENTIALS}/R`, [[name.slice(0, -'-ttl-seconds'.length), put.body]]);
    expect(get.status).toBe(200);
  });

  it.each([
    ['X-Forwarded-For', '203.0.113.7'],
    ['x-forwarded-for', '127.0.0.1'],
    ['X-FORWARDED-FOR', ''],
    ['Forwarded', 'for=203.0.113.7'],
    ['Via', '1.1 proxy'],
  ])('case 7: rejects a token request with %s: %s', async (name, value) => {
    const endpoint = await Endpoint.open();
    const response = await endpoint.request('PUT', TOKEN, [
      [TTL_HEADER, '60'],
      [name, value],
    ]);
    expect(response.status).toBe(403);
    expect(response.headers).not.toHaveProperty(TTL_HEADER);
  });

  it.each(['GET', 'HEAD', 'POST', 'DELETE', 'PATCH', 'PROPFIND'])(
    'case 8: rejects %s on the token path',
    async (method) => {
      const endpoint = await Endpoint.open();
      const response = await endpoint.request(method, TOKEN, [[TTL_HEADER, '60']]);
      expect(response.status).toBe(405);
      expect(response.headers['allow']).toBe('OPTIONS, PUT');
    },
  );

  it.each(['/latest/api/token/', '//latest/api/token', '/latest//api///token//', '/latest/api/token?x=1'])(
    'case 9: %s gives a token without a redirect',
    async (path) => {
      const endpoint = await Endpoint.open();
      const response = await endpoint.request('PUT', path, [[TTL_HEADER, '60']]);
      expect(response.status).toBe(200);
      expect(response.body).toMatch(TOKEN_FORM);
    },
  );

  it.each([
    '/latest/api/token/xyz',
    '/latest%2Fapi/token',
    '/latest/api',
    '/latest/meta-data/../api/token',
    '/api/token',
  ])('gives no token at %s', async (path) => {
    const endpoint = await Endpoint.open();
    expect((await endpoint.request('PUT', path, [[TTL_HEADER, '60']])).status).toBe(401);
  });
});

describe('using a token', () => {
  it.each(['/', '/latest', '/latest/meta-data/', `${CREDENTIALS}/`, `${CREDENTIALS}/R`, '/nonsense', '/%zz', '/..'])(
    'case 16: rejects %s without a token',
    async (path) => {
      const endpoint = await Endpoint.open();
      for (const method of ['GET', 'HEAD', 'POST']) {
        expect((await endpoint.request(method, path)).status).toBe(401);
      }
    },
  );

  it('case 17: rejects foreign tokens', async () => {
    const key = randomBytes(32);
    const endpoint = await Endpoint.open({ key, listener: 'one' });
    const good = await endpoint.token();
    const others = [
      '',
      'INVALID',
      good.slice(0, -1),
      `${good}A`,
      `${good}=`,
      good.slice(4),
      (good.startsWith('A') ? 'B' : 'A') + good.slice(1),
      good.slice(0, -1) + (good.endsWith('A') ? 'B' : 'A'),
      `${good}, ${good}`,
      metadataTokens({ key, listener: 'another' }).issue(60, endpoint.clock.now()),
      metadataTokens({ key: randomBytes(32), listener: 'one' }).issue(60, endpoint.clock.now()),
    ];
    for (const token of others) {
      const response = await endpoint.request('GET', `${CREDENTIALS}/R`, [['X-aws-ec2-metadata-token', token]]);
      expect(response.status, token).toBe(401);
    }
    const twice = [0, 1].map(() => ['X-aws-ec2-metadata-token', good] as const);
    expect((await endpoint.request('GET', `${CREDENTIALS}/R`, twice)).status).toBe(401);
    expect((await endpoint.request('GET', `${CREDENTIALS}/R`, twice.slice(1))).status).toBe(200);
  });

  it('case 18: accepts tokens of another server with the same key', async () => {
    const key = randomBytes(32);
    const before = await Endpoint.open({ key, listener: 'endpoint' });
    const token = await before.token();
    await before.close();
    const after = await Endpoint.open({ key, listener: 'endpoint', clock: before.clock });
    const response = await after.request('GET', `${CREDENTIALS}/R`, [['X-aws-ec2-metadata-token', token]]);
    expect(response.status).toBe(200);
  });

  it('case 19: accepts the first token after ten thousand others', async () => {
    const endpoint = await Endpoint.open();
    const first = await endpoint.token();
    const put = requestBytes('PUT', TOKEN, [
      ['Host', endpoint.host],
      [TTL_HEADER, '21600'],
    ]);
    const lane = async (): Promise<void> => {
      const connection = await RawConnection.open(endpoint.port);
      for (let at = 0; at < 1_000; at += 1) {
        connection.send(put);
        expect((await connection.read()).status).toBe(200);
      }
      connection.destroy();
    };
    await Promise.all(Array.from({ length: 10 }, lane));
    const response = await endpoint.request('GET', `${CREDENTIALS}/R`, [['X-aws-ec2-metadata-token', first]]);
    expect(response.status).toBe(200);
  });

  it('case 19: needs no more memory for more tokens', () => {
    const tokens = metadataTokens({ key: randomBytes(32), listener: 'endpoint' });
    const useTokens = (count: number): number => {
      for (let at = 0; at < count; at += 1) tokens.verify(tokens.issue(21_600, 1_000), 1_000);
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = useTokens(10_000);
    // A table would hold 30 000 strings and their entries: 5 MB at the least.
    expect(useTokens(30_000) - before).toBeLessThan(2_000_000);
  });

  it('case 20: rejects a token of one second after 1.5 seconds', async () => {
    const endpoint = await Endpoint.open();
    const headers = [['X-aws-ec2-metadata-token', await endpoint.token('1')]] as const;
    expect((await endpoint.request('GET', `${CREDENTIALS}/R`, headers)).status).toBe(200);
    await endpoint.clock.advance(1_500);
    expect((await endpoint.request('GET', `${CREDENTIALS}/R`, headers)).status).toBe(401);
  });

  it('states the remaining seconds of the token with each answer', async () => {
    const endpoint = await Endpoint.open();
    const headers = [['X-aws-ec2-metadata-token', await endpoint.token('300')]] as const;
    await endpoint.clock.advance(100_500);
    expect((await endpoint.request('GET', `${CREDENTIALS}/`, headers)).headers[TTL_HEADER]).toBe('199');
  });
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
