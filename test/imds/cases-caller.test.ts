import { describe, expect, it } from 'vitest';
import { type HeaderLines, rawExchange, requestBytes } from '../support/raw-http.ts';
import { describeWith } from '../support/tools.ts';
import { CREDENTIALS, Endpoint, TOKEN, TTL_HEADER } from './endpoint.ts';

/** The whole of a client's work under one Host header: a token, then the credentials. */
async function statusesWithHost(endpoint: Endpoint, host: string): Promise<number[]> {
  const put = await endpoint.raw(
    requestBytes('PUT', TOKEN, [
      ['Host', host],
      [TTL_HEADER, '60'],
    ]),
  );
  const get = await endpoint.raw(
    requestBytes('GET', `${CREDENTIALS}/R`, [
      ['Host', host],
      ['X-aws-ec2-metadata-token', await endpoint.token()],
    ]),
  );
  return [put.status, get.status];
}

describe('the Host header', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.1:PORT',
    'localhost',
    'localhost:PORT',
    'LOCALHOST:PORT',
    '[::1]',
    '[::1]:PORT',
    '169.254.169.254',
    '[fd00:ec2::254]',
    '[FD00:EC2::254]:PORT',
  ])('case 26: accepts Host: %s', async (host) => {
    const endpoint = await Endpoint.open();
    expect(await statusesWithHost(endpoint, host.replace('PORT', String(endpoint.port)))).toEqual([200, 200]);
  });

  it.each(['host.docker.internal', 'HOST.docker.internal:PORT', 'localhost:8080'])(
    'case 27: accepts Host: %s if the operator allows it',
    async (host) => {
      const endpoint = await Endpoint.open({ allowedHosts: ['Host.Docker.Internal', 'localhost:8080'] });
      expect(await statusesWithHost(endpoint, host.replace('PORT', String(endpoint.port)))).toEqual([200, 200]);
    },
  );

  it.each([
    'evil.example',
    'evil.example:PORT',
    'host.docker.internal',
    'localhost:1',
    '127.0.0.1:8080',
    'localhost.',
    'localhost.:PORT',
    'localhost:',
    'localhost:PORT:PORT',
    'localhost.evil.example',
    '127.0.0.1.evil.example:PORT',
    'evil.example@127.0.0.1',
    '127.0.0.1@evil.example',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0.0.0.0:PORT',
    '127.0.0.2',
    '::1',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    'localhost, evil.example',
    '127.0.0.1/x',
  ])('case 27: rejects Host: %s', async (host) => {
    const endpoint = await Endpoint.open();
    expect(await statusesWithHost(endpoint, host.replace('PORT', String(endpoint.port)))).toEqual([403, 403]);
    expect(endpoint.log).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({ code: 'ENDPOINT_HOST_REFUSED' }) as unknown,
      }),
    );
  });

  it.each([
    ['no Host', []],
    ['an empty Host', [['Host', '']]],
    [
      'two of them',
      [
        ['Host', '127.0.0.1'],
        ['Host', '127.0.0.1'],
      ],
    ],
    [
      'a good one before a bad one',
      [
        ['Host', '127.0.0.1'],
        ['host', 'evil.example'],
      ],
    ],
  ] satisfies [string, HeaderLines][])('case 27: rejects %s', async (_, hosts) => {
    const endpoint = await Endpoint.open();
    for (const version of ['1.1', '1.0']) {
      const response = await endpoint.raw(requestBytes('PUT', TOKEN, [...hosts, [TTL_HEADER, '60']], version));
      expect(response.status).toBe(400);
    }
  });

  it.each(['http://127.0.0.1/latest/api/token', 'http://evil.example/latest/api/token', 'latest/api/token', '*'])(
    'case 27: rejects the request target %s',
    async (target) => {
      const endpoint = await Endpoint.open();
      expect((await endpoint.request('PUT', target, [[TTL_HEADER, '60']])).status).toBe(400);
    },
  );
});

// macOS has 127.0.0.1 alone.
describeWith('address 127.0.0.2', process.platform === 'linux', 'another loopback address', () => {
  it('case 26: accepts the address that the client connected to', async () => {
    const endpoint = await Endpoint.open({ host: '127.0.0.2' });
    const bytes = requestBytes('PUT', TOKEN, [
      ['Host', `127.0.0.2:${endpoint.port}`],
      [TTL_HEADER, '60'],
    ]);
    expect((await rawExchange(endpoint.port, bytes, '127.0.0.2')).status).toBe(200);
  });
});

describe('browsers', () => {
  it.each([
    ['Origin', 'http://evil.example'],
    ['Origin', 'null'],
    ['origin', 'http://127.0.0.1'],
    ['Sec-Fetch-Site', 'cross-site'],
    ['Sec-Fetch-Site', 'same-site'],
    ['sec-fetch-site', ''],
  ])('case 28: rejects a request with %s: %s', async (name, value) => {
    const endpoint = await Endpoint.open();
    const put = await endpoint.request('PUT', TOKEN, [
      [TTL_HEADER, '60'],
      [name, value],
    ]);
    expect(put.status).toBe(403);
    expect((await endpoint.get(`${CREDENTIALS}/R`, [[name, value]])).status).toBe(403);
  });

  it.each([TOKEN, `${CREDENTIALS}/R`, '/', '*'])('case 28: rejects a preflight for %s', async (path) => {
    const endpoint = await Endpoint.open();
    const preflight = await endpoint.request('OPTIONS', path, [
      ['Origin', 'http://evil.example'],
      ['Access-Control-Request-Method', 'PUT'],
      ['Access-Control-Request-Headers', TTL_HEADER],
      ['Access-Control-Request-Private-Network', 'true'],
    ]);
    expect(preflight.status).toBe(403);
    expect((await endpoint.request('OPTIONS', path)).status).toBe(403);
  });

  it('accepts an address that the user typed, but gives nothing without a token', async () => {
    const endpoint = await Endpoint.open();
    expect((await endpoint.request('GET', '/', [['Sec-Fetch-Site', 'none']])).status).toBe(401);
  });
});

describe('the log of rejected requests', () => {
  it('has one line a minute for each reason', async () => {
    const endpoint = await Endpoint.open();
    const warnings = (): unknown[] => endpoint.log.filter(({ level }) => level === 'warn');
    for (let at = 0; at < 20; at += 1) await endpoint.raw(requestBytes('GET', '/', [['Host', 'evil.example']]));
    expect(warnings()).toHaveLength(1);
    endpoint.clock.step(60_000);
    await endpoint.raw(requestBytes('GET', '/', [['Host', 'evil.example']]));
    expect(warnings()).toHaveLength(2);
  });

  it('never contains a token or a key', async () => {
    const endpoint = await Endpoint.open();
    const token = await endpoint.token();
    await endpoint.request('GET', `${CREDENTIALS}/R`, [['X-aws-ec2-metadata-token', token]]);
    await endpoint.request('GET', `${CREDENTIALS}/R`, [
      ['X-aws-ec2-metadata-token', token],
      ['Origin', 'http://evil.example'],
    ]);
    const log = JSON.stringify(endpoint.log);
    expect(log).toContain('ENDPOINT_BROWSER_REFUSED');
    expect(log).not.toContain(token);
    expect(log).not.toContain('the-s');
  });
});
