import { describe, expect, it } from 'vitest';
import type { HeldSession } from '../../src/endpoints/held-session.ts';
import { RawConnection, rawExchange, requestBytes, type HeaderLines } from '../support/raw-http.ts';
import { CREDENTIALS, Door, TOKEN, TTL_HEADER, checkAlways } from './door.ts';

async function connect(door: Door): Promise<RawConnection> {
  return RawConnection.open(door.port);
}

function putToken(door: Door, headers: HeaderLines = [], version = '1.1'): string {
  return requestBytes('PUT', TOKEN, [['Host', door.host], [TTL_HEADER, '60'], ...headers], version);
}

describe('plain HTTP, as odd clients speak it', () => {
  it('case 29: no User-Agent, no Accept, nothing but what is needed', async () => {
    const door = await Door.open();
    const token = await door.token();
    const bytes = requestBytes('GET', `${CREDENTIALS}/R`, [
      ['Host', '127.0.0.1'],
      ['X-aws-ec2-metadata-token', token],
    ]);
    expect((await door.raw(bytes)).status).toBe(200);
  });

  it.each<HeaderLines>([
    [['Accept-Encoding', 'gzip, deflate, br']],
    [['Accept', 'application/json']],
    [
      ['Connection', 'Upgrade, HTTP2-Settings'],
      ['Upgrade', 'h2c'],
      ['HTTP2-Settings', 'AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA'],
    ],
    [['If-None-Match', '*']],
    [['Range', 'bytes=0-3']],
  ])('case 35: no redirect, no upgrade, no compression, a whole body with its length (%s)', async (...headers) => {
    const door = await Door.open();
    const response = await door.get(`${CREDENTIALS}/R`, headers);
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body)).toHaveProperty('Token', 'the-session-token/1');
  });

  it('case 36: one connection serves on and says how long it may idle', async () => {
    const door = await Door.open();
    const connection = await connect(door);
    for (let at = 0; at < 200; at += 1) {
      connection.send(putToken(door));
      const response = await connection.read();
      expect(response.status).toBe(200);
      expect(response.headers['keep-alive']).toBe('timeout=75');
    }
    expect(door.server.keepAliveTimeout).toBe(75_000);
    expect(door.server.headersTimeout).toBe(10_000);
    connection.destroy();
  });

  it.each([
    ['1.1', [['Connection', 'close']]],
    ['1.0', []],
  ] satisfies [string, HeaderLines][])('case 36: HTTP/%s with %s closes after the answer', async (version, headers) => {
    const door = await Door.open();
    const connection = await connect(door);
    connection.send(putToken(door, headers, version));
    expect((await connection.read()).status).toBe(200);
    await connection.closed();
  });

  it('case 36: HTTP/1.0 with keep-alive', async () => {
    const door = await Door.open();
    const connection = await connect(door);
    for (let at = 0; at < 3; at += 1) {
      connection.send(putToken(door, [['Connection', 'keep-alive']], '1.0'));
      expect((await connection.read()).status).toBe(200);
    }
    connection.destroy();
  });

  it.each(['application/json', 'application/x-www-form-urlencoded', 'text/plain', ';;;', ''])(
    'case 38: PUT with a body of type "%s"',
    async (type) => {
      const door = await Door.open();
      const headers: HeaderLines = [
        ['Content-Type', type],
        ['Content-Length', '5'],
      ];
      const connection = await connect(door);
      for (let at = 0; at < 2; at += 1) {
        connection.send(`${putToken(door, headers)}{"a":`);
        expect((await connection.read()).status).toBe(200);
      }
      connection.destroy();
    },
  );

  it('case 38: PUT whose body never comes is answered at once', async () => {
    const door = await Door.open();
    expect((await door.raw(putToken(door, [['Content-Length', '1000000000']]))).status).toBe(200);
  });

  it('case 38: GET with a body, and the connection goes on', async () => {
    const door = await Door.open();
    const get = requestBytes('GET', `${CREDENTIALS}/R`, [
      ['Host', door.host],
      ['X-aws-ec2-metadata-token', await door.token()],
      ['Content-Type', 'application/json'],
      ['Content-Length', '2'],
    ]);
    const connection = await connect(door);
    for (let at = 0; at < 2; at += 1) {
      connection.send(`${get}{}`);
      expect((await connection.read()).status).toBe(200);
    }
    connection.destroy();
  });

  it('case 38: a request that expects 100-continue gets its answer at once, and whole', async () => {
    const door = await Door.open();
    const connection = await connect(door);
    const expecting = putToken(door, [['Expect', '100-continue']]);
    connection.send(putToken(door) + expecting);
    for (let at = 0; at < 2; at += 1) expect((await connection.read()).body).toMatch(/^[\w-]{56}$/);
    await connection.closed();
  });

  it('case 38: an expectation that nobody knows makes no difference', async () => {
    const door = await Door.open();
    expect((await door.raw(putToken(door, [['Expect', 'the-unexpected']]))).status).toBe(200);
  });

  it('a request that does not wait for the answer to the last is the last that is answered', async () => {
    const door = await Door.open();
    const connection = await connect(door);
    connection.send(putToken(door) + requestBytes('GET', '/', [['Host', door.host]]) + putToken(door).repeat(100));
    const [first, second] = [await connection.read(), await connection.read()];
    expect([first.status, first.headers['connection']]).toEqual([200, 'keep-alive']);
    expect([second.status, second.headers['connection']]).toEqual([401, 'close']);
    await expect(connection.read()).rejects.toThrow('closed without a whole answer, after 0 bytes');
    expect(door.log).toHaveLength(2);
  });
});

describe('clients that take too much', () => {
  it.each([9_000, 65_536, 1_000_000])('case 37: %i bytes of headers', async (size) => {
    const door = await Door.open();
    const connection = await connect(door);
    connection.send(putToken(door, [['X-Long', 'x'.repeat(size)]]));
    const response = await connection.read();
    expect(response.status).toBe(431);
    expect(response.body.length).toBeLessThan(300);
    await connection.closed();
    await door.token();
  });

  it('case 37: a long path', async () => {
    const door = await Door.open();
    expect((await rawExchange(door.port, `GET /${'x'.repeat(65_536)} HTTP/1.1\r\n\r\n`)).status).toBe(431);
  });

  it('case 37: fifteen hundred small headers hide nothing that comes after them', async () => {
    const door = await Door.open();
    const many: HeaderLines = Array.from({ length: 1_500 }, () => ['a', '']);
    expect((await door.request('PUT', TOKEN, [...many, [TTL_HEADER, '60']])).status).toBe(200);
    const forwarded: HeaderLines = [[TTL_HEADER, '60'], ...many, ['X-Forwarded-For', '203.0.113.7']];
    expect((await door.request('PUT', TOKEN, forwarded)).status).toBe(403);
  });

  it.each([
    ['nothing at all', ''],
    ['half a request line', 'PUT /lat'],
    ['headers that do not end', `PUT ${TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n`],
  ])('case 37: a client that sends %s is shown out, and others are served meanwhile', async (_, bytes) => {
    const door = await Door.open({ limits: { requestMs: 300, checkMs: 50 } });
    const slow = await Promise.all(Array.from({ length: 20 }, () => connect(door)));
    for (const connection of slow) connection.send(bytes);
    await door.token();
    await Promise.all(slow.map((connection) => connection.closed()));
  });

  it('case 37: a body that does not end', async () => {
    const door = await Door.open({ limits: { requestMs: 300, checkMs: 50 } });
    const connection = await connect(door);
    connection.send(`${putToken(door, [['Transfer-Encoding', 'chunked']])}5\r\nabc`);
    expect((await connection.read()).status).toBe(200);
    await connection.closed();
  });

  it('case 37: a thousand open connections', async () => {
    const door = await Door.open();
    const idle = await Promise.all(Array.from({ length: 1_000 }, () => connect(door)));
    expect((await door.get(`${CREDENTIALS}/R`)).status).toBe(200);
    for (const connection of idle) connection.destroy();
  });

  it('case 37: above the limit the connection that was silent longest makes room, and the log says so once', async () => {
    const door = await Door.open({ limits: { connections: 3 } });
    const [first, second, third] = [await connect(door), await connect(door), await connect(door)];
    first.send(putToken(door));
    expect((await first.read()).status).toBe(200);
    const newcomers = [await connect(door), await connect(door)];
    await Promise.all([second.closed(), third.closed()]);
    for (const connection of [first, ...newcomers]) {
      connection.send(putToken(door));
      expect((await connection.read()).status).toBe(200);
      connection.destroy();
    }
    const warnings = door.log.filter(({ level }) => level === 'warn');
    expect(warnings).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ code: 'DOOR_CONNECTIONS_EXHAUSTED' }) as unknown }),
    ]);
  });

  it.each([
    'not http at all\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /\r\n\r\n',
    'GET / HTTP/1.1\r\nno colon\r\n\r\n',
    'GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n',
    'GET / HTTP/1.1\r\n folded: x\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ])('case 37: what is not HTTP gets a short 400 and the end of the connection (%j)', async (bytes) => {
    const door = await Door.open();
    const connection = await connect(door);
    connection.send(Buffer.from(bytes, 'latin1'));
    const response = await connection.read();
    expect(response).toMatchObject({ status: 400 });
    expect(response.headers['connection']).toBe('close');
    checkAlways(response);
    await connection.closed();
    await door.token();
  });
});

describe('the log of requests', () => {
  it('has a path of bounded length, and nothing of a query', async () => {
    const door = await Door.open();
    await door.request('GET', '/latest/?X-aws-ec2-metadata-token=astray');
    await door.request('GET', `/${'x'.repeat(5_000)}`);
    const paths = door.log.map(({ fields }) => fields?.['path']);
    expect(paths).toEqual(['/latest/', `/${'x'.repeat(199)}`]);
  });

  it.each(['\x1b[2J', '\x80', '\x9b2J', '\xe2\x80\xae', '\n', '\t', '\x7f'])(
    'has no line for a target with %j',
    async (odd) => {
      const door = await Door.open();
      const connection = await connect(door);
      connection.send(Buffer.from(`GET /${odd} HTTP/1.1\r\nHost: ${door.host}\r\n\r\n`, 'latin1'));
      expect((await connection.read()).status).toBe(400);
      expect(door.log).toEqual([]);
    },
  );
});

describe('the end and the unexpected', () => {
  it('close() answers what is under way and ends idle and half-open connections', async () => {
    let come: () => void = () => undefined;
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const session: HeldSession = {
      current: () => undefined,
      waitForFirst: () => {
        asked();
        return new Promise((resolve) => (come = resolve));
      },
    };
    const door = await Door.open({ session });
    const [idle, halfOpen] = [await connect(door), await connect(door)];
    halfOpen.send('GET /');
    idle.send(putToken(door));
    expect((await idle.read()).headers['connection']).toBe('keep-alive');
    const underWay = door.get(`${CREDENTIALS}/R`);
    await isAsked;
    const closing = door.close();
    await idle.closed();
    come();
    expect(await underWay).toMatchObject({ status: 503, headers: { connection: 'close' } });
    await Promise.all([closing, halfOpen.closed()]);
  });

  it('a client that has ended sending gets its answer, also a late one to a long request', async () => {
    const left: (() => void)[] = [];
    const door = await Door.open({
      session: { current: () => undefined, waitForFirst: () => new Promise((resolve) => left.push(resolve)) },
    });
    const connection = await connect(door);
    const headers: HeaderLines = [
      ['Host', door.host],
      ['X-aws-ec2-metadata-token', await door.token()],
      ['X-Long', 'x'.repeat(7_000)],
    ];
    connection.send(requestBytes('GET', `${CREDENTIALS}/R`, headers));
    connection.endSending();
    await expect.poll(() => left.length).toBe(1);
    await door.token();
    for (const answer of left) answer();
    expect((await connection.read()).status).toBe(503);
    await connection.closed();
  });

  it('goes on when a client leaves while it waits', async () => {
    const left: (() => void)[] = [];
    const door = await Door.open({
      session: { current: () => undefined, waitForFirst: () => new Promise((resolve) => left.push(resolve)) },
    });
    const get = requestBytes('GET', `${CREDENTIALS}/R`, [
      ['Host', door.host],
      ['X-aws-ec2-metadata-token', await door.token()],
    ]);
    const connection = await connect(door);
    connection.send(get);
    await expect.poll(() => left.length).toBe(1);
    connection.destroy();
    await door.token();
    for (const answer of left) answer();
    await door.token();
    expect(door.log.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('a defect of ours is a 503 for the client and a code in the log', async () => {
    const session: HeldSession = {
      current: () => {
        throw new Error('a defect');
      },
      waitForFirst: () => Promise.resolve(),
    };
    const door = await Door.open({ session });
    const response = await door.get(`${CREDENTIALS}/R`);
    expect(response.status).toBe(503);
    expect(response.body).not.toContain('defect');
    expect(door.log).toContainEqual(
      expect.objectContaining({
        fields: expect.objectContaining({ code: 'DOOR_INTERNAL', cause: 'a defect' }) as unknown,
      }),
    );
  });
});
