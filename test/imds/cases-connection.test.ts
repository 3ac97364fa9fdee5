import { describe, expect, it } from 'vitest';
import type { HeldSession } from '../../src/endpoints/held-session.ts';
import { type HeaderLines, RawConnection, rawExchange, requestBytes } from '../support/raw-http.ts';
import { checkAlways, CREDENTIALS, Endpoint, TOKEN, TTL_HEADER } from './endpoint.ts';

async function connect(endpoint: Endpoint): Promise<RawConnection> {
  return RawConnection.open(endpoint.port);
}

function putToken(endpoint: Endpoint, headers: HeaderLines = [], version = '1.1'): string {
  return requestBytes('PUT', TOKEN, [['Host', endpoint.host], [TTL_HEADER, '60'], ...headers], version);
}

describe('unusual HTTP', () => {
  it('case 29: answers a request with only the required headers', async () => {
    const endpoint = await Endpoint.open();
    const token = await endpoint.token();
    const bytes = requestBytes('GET', `${CREDENTIALS}/R`, [
      ['Host', '127.0.0.1'],
      ['X-aws-ec2-metadata-token', token],
    ]);
    expect((await endpoint.raw(bytes)).status).toBe(200);
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
  ])(
    'case 35: sends no redirect, upgrade or compression, and a complete body with its length (%s)',
    async (...headers) => {
      const endpoint = await Endpoint.open();
      const response = await endpoint.get(`${CREDENTIALS}/R`, headers);
      expect(response.status).toBe(200);
      expect(JSON.parse(response.body)).toHaveProperty('Token', 'the-session-token/1');
    },
  );

  it('case 36: keeps a connection open and states its idle time', async () => {
    const endpoint = await Endpoint.open();
    const connection = await connect(endpoint);
    for (let at = 0; at < 200; at += 1) {
      connection.send(putToken(endpoint));
      const response = await connection.read();
      expect(response.status).toBe(200);
      expect(response.headers['keep-alive']).toBe('timeout=75');
    }
    expect(endpoint.server.keepAliveTimeout).toBe(75_000);
    expect(endpoint.server.headersTimeout).toBe(10_000);
    connection.destroy();
  });

  it.each([
    ['1.1', [['Connection', 'close']]],
    ['1.0', []],
  ] satisfies [string, HeaderLines][])(
    'case 36: closes after the answer to HTTP/%s with %s',
    async (version, headers) => {
      const endpoint = await Endpoint.open();
      const connection = await connect(endpoint);
      connection.send(putToken(endpoint, headers, version));
      expect((await connection.read()).status).toBe(200);
      await connection.closed();
    },
  );

  it('case 36: keeps an HTTP/1.0 connection with keep-alive open', async () => {
    const endpoint = await Endpoint.open();
    const connection = await connect(endpoint);
    for (let at = 0; at < 3; at += 1) {
      connection.send(putToken(endpoint, [['Connection', 'keep-alive']], '1.0'));
      expect((await connection.read()).status).toBe(200);
    }
    connection.destroy();
  });

  it.each(['application/json', 'application/x-www-form-urlencoded', 'text/plain', ';;;', ''])(
    'case 38: answers a PUT with a body of type "%s"',
    async (type) => {
      const endpoint = await Endpoint.open();
      const headers: HeaderLines = [
        ['Content-Type', type],
        ['Content-Length', '5'],
      ];
      const connection = await connect(endpoint);
      for (let at = 0; at < 2; at += 1) {
        connection.send(`${putToken(endpoint, headers)}{"a":`);
        expect((await connection.read()).status).toBe(200);
      }
      connection.destroy();
    },
  );

  it('case 38: answers a PUT at once, even if its body never arrives', async () => {
    const endpoint = await Endpoint.open();
    expect((await endpoint.raw(putToken(endpoint, [['Content-Length', '1000000000']]))).status).toBe(200);
  });

  it('case 38: answers a GET with a body and keeps the connection open', async () => {
    const endpoint = await Endpoint.open();
    const get = requestBytes('GET', `${CREDENTIALS}/R`, [
      ['Host', endpoint.host],
      ['X-aws-ec2-metadata-token', await endpoint.token()],
      ['Content-Type', 'application/json'],
      ['Content-Length', '2'],
    ]);
    const connection = await connect(endpoint);
    for (let at = 0; at < 2; at += 1) {
      connection.send(`${get}{}`);
      expect((await connection.read()).status).toBe(200);
    }
    connection.destroy();
  });

  it('case 38: answers a request with Expect: 100-continue at once and completely', async () => {
    const endpoint = await Endpoint.open();
    const connection = await connect(endpoint);
    const expecting = putToken(endpoint, [['Expect', '100-continue']]);
    connection.send(putToken(endpoint) + expecting);
    for (let at = 0; at < 2; at += 1) expect((await connection.read()).body).toMatch(/^[\w-]{56}$/);
    await connection.closed();
  });

  it('case 38: ignores an unknown expectation', async () => {
    const endpoint = await Endpoint.open();
    expect((await endpoint.raw(putToken(endpoint, [['Expect', 'the-unexpected']]))).status).toBe(200);
  });

  it('closes the connection after a pipelined request', async () => {
    const endpoint = await Endpoint.open();
    const connection = await connect(endpoint);
    connection.send(
      putToken(endpoint) + requestBytes('GET', '/', [['Host', endpoint.host]]) + putToken(endpoint).repeat(100),
    );
    const [first, second] = [await connection.read(), await connection.read()];
    expect([first.status, first.headers['connection']]).toEqual([200, 'keep-alive']);
    expect([second.status, second.headers['connection']]).toEqual([401, 'close']);
    await expect(connection.read()).rejects.toThrow('closed without a whole answer, after 0 bytes');
    expect(endpoint.log).toHaveLength(2);
  });
});

describe('clients that send too much', () => {
  it.each([9_000, 65_536, 1_000_000])('case 37: %i bytes of headers', async (size) => {
    const endpoint = await Endpoint.open();
    const connection = await connect(endpoint);
    connection.send(putToken(endpoint, [['X-Long', 'x'.repeat(size)]]));
    const response = await connection.read();
    expect(response.status).toBe(431);
    expect(response.body.length).toBeLessThan(300);
    await connection.closed();
    await endpoint.token();
  });

  it('case 37: rejects a long path', async () => {
    const endpoint = await Endpoint.open();
    expect((await rawExchange(endpoint.port, `GET /${'x'.repeat(65_536)} HTTP/1.1\r\n\r\n`)).status).toBe(431);
  });

  it('case 37: reads a header that follows 1500 small ones', async () => {
    const endpoint = await Endpoint.open();
    const many: HeaderLines = Array.from({ length: 1_500 }, () => ['a', '']);
    expect((await endpoint.request('PUT', TOKEN, [...many, [TTL_HEADER, '60']])).status).toBe(200);
    const forwarded: HeaderLines = [[TTL_HEADER, '60'], ...many, ['X-Forwarded-For', '203.0.113.7']];
    expect((await endpoint.request('PUT', TOKEN, forwarded)).status).toBe(403);
  });

  it.each([
    ['nothing at all', ''],
    ['half a request line', 'PUT /lat'],
    ['headers that do not end', `PUT ${TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n`],
  ])('case 37: disconnects a client that sends %s and serves others meanwhile', async (_, bytes) => {
    const endpoint = await Endpoint.open({ limits: { requestMs: 300, checkMs: 50 } });
    const slow = await Promise.all(Array.from({ length: 20 }, () => connect(endpoint)));
    for (const connection of slow) connection.send(bytes);
    await endpoint.token();
    await Promise.all(slow.map((connection) => connection.closed()));
  });

  it('case 37: answers before the end of an endless body', async () => {
    const endpoint = await Endpoint.open({ limits: { requestMs: 300, checkMs: 50 } });
    const connection = await connect(endpoint);
    connection.send(`${putToken(endpoint, [['Transfer-Encoding', 'chunked']])}5\r\nabc`);
    expect((await connection.read()).status).toBe(200);
    await connection.closed();
  });

  it('case 37: serves while a thousand connections are open', async () => {
    const endpoint = await Endpoint.open();
    const idle = await Promise.all(Array.from({ length: 1_000 }, () => connect(endpoint)));
    expect((await endpoint.get(`${CREDENTIALS}/R`)).status).toBe(200);
    for (const connection of idle) connection.destroy();
  });

  it('case 37: closes the longest idle connection above the limit and logs that once', async () => {
    const endpoint = await Endpoint.open({ limits: { connections: 3 } });
    const [first, second, third] = [await connect(endpoint), await connect(endpoint), await connect(endpoint)];
    first.send(putToken(endpoint));
    expect((await first.read()).status).toBe(200);
    const newcomers = [await connect(endpoint), await connect(endpoint)];
    await Promise.all([second.closed(), third.closed()]);
    for (const connection of [first, ...newcomers]) {
      connection.send(putToken(endpoint));
      expect((await connection.read()).status).toBe(200);
      connection.destroy();
    }
    const warnings = endpoint.log.filter(({ level }) => level === 'warn');
    expect(warnings).toEqual([
      expect.objectContaining({
        fields: expect.objectContaining({ code: 'ENDPOINT_CONNECTIONS_EXHAUSTED' }) as unknown,
      }),
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
  ])('case 37: answers data other than HTTP with a short 400 and closes the connection (%j)', async (bytes) => {
    const endpoint = await Endpoint.open();
    const connection = await connect(endpoint);
    connection.send(Buffer.from(bytes, 'latin1'));
    const response = await connection.read();
    expect(response).toMatchObject({ status: 400 });
    expect(response.headers['connection']).toBe('close');
    checkAlways(response);
    await connection.closed();
    await endpoint.token();
  });
});

describe('the log of requests', () => {
  it('contains a path of limited length and no query', async () => {
    const endpoint = await Endpoint.open();
    await endpoint.request('GET', '/latest/?X-aws-ec2-metadata-token=astray');
    await endpoint.request('GET', `/${'x'.repeat(5_000)}`);
    const paths = endpoint.log.map(({ fields }) => fields?.['path']);
    expect(paths).toEqual(['/latest/', `/${'x'.repeat(199)}`]);
  });

  it.each(['\x1b[2J', '\x80', '\x9b2J', '\xe2\x80\xae', '\n', '\t', '\x7f'])(
    'has no line for a malformed target with %j',
    async (odd) => {
      const endpoint = await Endpoint.open();
      const connection = await connect(endpoint);
      connection.send(Buffer.from(`GET /${odd} HTTP/1.1\r\nHost: ${endpoint.host}\r\n\r\n`, 'latin1'));
      expect((await connection.read()).status).toBe(400);
      expect(endpoint.log).toEqual([]);
    },
  );
});

describe('shutdown and failures', () => {
  it('close() answers running requests and ends idle and half-open connections', async () => {
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
    const endpoint = await Endpoint.open({ session });
    const [idle, halfOpen] = [await connect(endpoint), await connect(endpoint)];
    halfOpen.send('GET /');
    idle.send(putToken(endpoint));
    expect((await idle.read()).headers['connection']).toBe('keep-alive');
    const underWay = endpoint.get(`${CREDENTIALS}/R`);
    await isAsked;
    const closing = endpoint.close();
    await idle.closed();
    come();
    expect(await underWay).toMatchObject({ status: 503, headers: { connection: 'close' } });
    await Promise.all([closing, halfOpen.closed()]);
  });

  it('answers a client that has closed its sending side, even late', async () => {
    const left: (() => void)[] = [];
    const endpoint = await Endpoint.open({
      session: { current: () => undefined, waitForFirst: () => new Promise((resolve) => left.push(resolve)) },
    });
    const connection = await connect(endpoint);
    const headers: HeaderLines = [
      ['Host', endpoint.host],
      ['X-aws-ec2-metadata-token', await endpoint.token()],
      ['X-Long', 'x'.repeat(7_000)],
    ];
    connection.send(requestBytes('GET', `${CREDENTIALS}/R`, headers));
    connection.endSending();
    await expect.poll(() => left.length).toBe(1);
    await endpoint.token();
    for (const answer of left) answer();
    expect((await connection.read()).status).toBe(503);
    await connection.closed();
  });

  it('keeps serving when a waiting client disconnects', async () => {
    const left: (() => void)[] = [];
    const endpoint = await Endpoint.open({
      session: { current: () => undefined, waitForFirst: () => new Promise((resolve) => left.push(resolve)) },
    });
    const get = requestBytes('GET', `${CREDENTIALS}/R`, [
      ['Host', endpoint.host],
      ['X-aws-ec2-metadata-token', await endpoint.token()],
    ]);
    const connection = await connect(endpoint);
    connection.send(get);
    await expect.poll(() => left.length).toBe(1);
    connection.destroy();
    await endpoint.token();
    for (const answer of left) answer();
    await endpoint.token();
    expect(endpoint.log.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('answers a defect with 503 and logs a code', async () => {
    const session: HeldSession = {
      current: () => {
        throw new Error('a defect');
      },
      waitForFirst: () => Promise.resolve(),
    };
    const endpoint = await Endpoint.open({ session });
    const response = await endpoint.get(`${CREDENTIALS}/R`);
    expect(response.status).toBe(503);
    expect(response.body).not.toContain('defect');
    expect(endpoint.log).toContainEqual(
      expect.objectContaining({
        fields: expect.objectContaining({ code: 'ENDPOINT_INTERNAL', cause: 'a defect' }) as unknown,
      }),
    );
  });
});
