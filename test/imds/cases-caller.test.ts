import { describe, expect, it } from 'vitest';
import { rawExchange, requestBytes, type HeaderLines } from '../support/raw-http.ts';
import { describeWith } from '../support/tools.ts';
import { CREDENTIALS, Door, TOKEN, TTL_HEADER } from './door.ts';

/** The whole of a client's work under one Host header: a token, then the credentials. */
async function statusesWithHost(door: Door, host: string): Promise<number[]> {
  const put = await door.raw(
    requestBytes('PUT', TOKEN, [
      ['Host', host],
      [TTL_HEADER, '60'],
    ]),
  );
  const get = await door.raw(
    requestBytes('GET', `${CREDENTIALS}/R`, [
      ['Host', host],
      ['X-aws-ec2-metadata-token', await door.token()],
    ]),
  );
  return [put.status, get.status];
}

describe('the name a client uses', () => {
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
  ])('case 26: Host: %s', async (host) => {
    const door = await Door.open();
    expect(await statusesWithHost(door, host.replace('PORT', String(door.port)))).toEqual([200, 200]);
  });

  it.each(['host.docker.internal', 'HOST.docker.internal:PORT', 'localhost:8080'])(
    'case 27: Host: %s where the operator allows it',
    async (host) => {
      const door = await Door.open({ allowedHosts: ['Host.Docker.Internal', 'localhost:8080'] });
      expect(await statusesWithHost(door, host.replace('PORT', String(door.port)))).toEqual([200, 200]);
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
  ])('case 27: Host: %s is a stranger', async (host) => {
    const door = await Door.open();
    expect(await statusesWithHost(door, host.replace('PORT', String(door.port)))).toEqual([403, 403]);
    expect(door.log).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({ code: 'DOOR_HOST_REFUSED' }) as unknown,
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
  ] satisfies [string, HeaderLines][])('case 27: %s', async (_, hosts) => {
    const door = await Door.open();
    for (const version of ['1.1', '1.0']) {
      const response = await door.raw(requestBytes('PUT', TOKEN, [...hosts, [TTL_HEADER, '60']], version));
      expect(response.status).toBe(400);
    }
  });

  it.each(['http://127.0.0.1/latest/api/token', 'http://evil.example/latest/api/token', 'latest/api/token', '*'])(
    'case 27: the request target %s',
    async (target) => {
      const door = await Door.open();
      expect((await door.request('PUT', target, [[TTL_HEADER, '60']])).status).toBe(400);
    },
  );
});

// macOS has 127.0.0.1 alone.
describeWith('address 127.0.0.2', process.platform === 'linux', 'another loopback address', () => {
  it('case 26: the address that the client has reached, whatever it is', async () => {
    const door = await Door.open({ host: '127.0.0.2' });
    const bytes = requestBytes('PUT', TOKEN, [
      ['Host', `127.0.0.2:${door.port}`],
      [TTL_HEADER, '60'],
    ]);
    expect((await rawExchange(door.port, bytes, '127.0.0.2')).status).toBe(200);
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
  ])('case 28: a request with %s: %s', async (name, value) => {
    const door = await Door.open();
    const put = await door.request('PUT', TOKEN, [
      [TTL_HEADER, '60'],
      [name, value],
    ]);
    expect(put.status).toBe(403);
    expect((await door.get(`${CREDENTIALS}/R`, [[name, value]])).status).toBe(403);
  });

  it.each([TOKEN, `${CREDENTIALS}/R`, '/', '*'])('case 28: a preflight for %s', async (path) => {
    const door = await Door.open();
    const preflight = await door.request('OPTIONS', path, [
      ['Origin', 'http://evil.example'],
      ['Access-Control-Request-Method', 'PUT'],
      ['Access-Control-Request-Headers', TTL_HEADER],
      ['Access-Control-Request-Private-Network', 'true'],
    ]);
    expect(preflight.status).toBe(403);
    expect((await door.request('OPTIONS', path)).status).toBe(403);
  });

  it('lets in an address that the user typed, which has no token', async () => {
    const door = await Door.open();
    expect((await door.request('GET', '/', [['Sec-Fetch-Site', 'none']])).status).toBe(401);
  });
});

describe('what the log says of the refused', () => {
  it('has one line a minute for each reason', async () => {
    const door = await Door.open();
    const warnings = (): unknown[] => door.log.filter(({ level }) => level === 'warn');
    for (let at = 0; at < 20; at += 1) await door.raw(requestBytes('GET', '/', [['Host', 'evil.example']]));
    expect(warnings()).toHaveLength(1);
    door.clock.step(60_000);
    await door.raw(requestBytes('GET', '/', [['Host', 'evil.example']]));
    expect(warnings()).toHaveLength(2);
  });

  it('never has a token or a key', async () => {
    const door = await Door.open();
    const token = await door.token();
    await door.request('GET', `${CREDENTIALS}/R`, [['X-aws-ec2-metadata-token', token]]);
    await door.request('GET', `${CREDENTIALS}/R`, [
      ['X-aws-ec2-metadata-token', token],
      ['Origin', 'http://evil.example'],
    ]);
    const log = JSON.stringify(door.log);
    expect(log).toContain('DOOR_BROWSER_REFUSED');
    expect(log).not.toContain(token);
    expect(log).not.toContain('the-s');
  });
});
