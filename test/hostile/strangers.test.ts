import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workshop } from '../support/workshop.ts';
import { checkedAnswers, MARK } from './answers.ts';
import { exchange } from './exchange.ts';
import { credentialRequest, ServedEndpoint, tokenRequest } from './served-endpoint.ts';

let endpoint: ServedEndpoint;
beforeAll(async () => {
  const workshop = await Workshop.open();
  endpoint = await ServedEndpoint.open(workshop);
  return workshop.close;
});
afterAll(() => endpoint.check());

/**
 * Statuses of a token request and of a read with a valid token, both with these lines instead of
 * `Host: 127.0.0.1`.
 */
async function statusesWith(lines: string): Promise<number[]> {
  const written = lines.replaceAll('PORT', String(endpoint.port));
  const ask = async (request: string): Promise<number[]> => {
    const answers = await exchange(endpoint.port, request.replace('Host: 127.0.0.1\r\n', written));
    return checkedAnswers(answers, ...(written.startsWith('Host: 127.0.0.1\r\n') ? [] : endpoint.secrets)).map(
      ({ status }) => status,
    );
  };
  return [...(await ask(tokenRequest(60))), ...(await ask(credentialRequest(endpoint.token, endpoint.role)))];
}

// A page on evil.example, which now resolves to 127.0.0.1, reaches the endpoint with its own host
// name.
describe('DNS rebinding', () => {
  it.each(
    [
      [`${MARK}.example`, `${MARK}.example:PORT`, `${MARK.toUpperCase()}.EXAMPLE`, `a.${MARK}.example.`],
      ['127.0.0.1.nip.io', '127-0-0-1.example', '169.254.169.254.nip.io', 'localhost.example', 'xlocalhost'],
      ['localhost.', 'localhost.:PORT', 'localhost..', '.localhost', 'sub.localhost', '127.0.0.1.', '127.0.0.1.:PORT'],
      ['localtest.me', 'lvh.me', 'localhost.localdomain', 'ip6-localhost', 'instance-data', 'metadata.google.internal'],
      // Other spellings of the same addresses, which a browser would have normalised.
      ['127.1', '127.0.1', '127.000.000.001', '0177.0.0.1', '0x7f.0.0.1', '0x7f000001', '2130706433', '017700000001'],
      ['2852039166', '0xa9fea9fe', '0.0.0.0', '0', '0.0.0.0:PORT', '127.0.0.2', '127.0.0.1:0', '127.0.0.1:080'],
      ['127.0.0.1:', '127.0.0.1:65536', '127.0.0.1:-1', '127.0.0.1:+PORT', '127.0.0.1:0PORT', '127.0.0.1:PORT:PORT'],
      ['１２７.0.0.1', '127。0。0。1', 'ⓛocalhost', 'xn--localhost', 'xn--80ak6aa92e.example', 'loc\u00adalhost'],
      ['::1', '[::1', '::1]', '[::1]x', '[::1%lo]', '[::1%25lo]', '[0:0:0:0:0:0:0:1]', '[::0001]', '[::]', '[0::1]'],
      ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[fd00:ec2::0254]'],
      ['[fe80::1]', '[v1.x]', '[]', '[127.0.0.1]', '[localhost]', '[::1].example', '[::1]:', '[::1]:1'],
      ['evil@127.0.0.1', '127.0.0.1@evil.example', 'user:pass@localhost', '@127.0.0.1', '127.0.0.1#evil', '127.0.0.1/'],
      ['127.0.0.1?x', '127.0.0.1\\', 'http://127.0.0.1', '//127.0.0.1', '127.0.0.1%00', '127.0.0.1%2eevil', '%31'],
      ['local_host', '_localhost', '127_0_0_1', 'local host', '127.0.0.1 evil.example', 'localhost\tx', '"localhost"'],
      ['localhost,evil.example', 'localhost, localhost', 'evil.example, 127.0.0.1', '127.0.0.1;', "'127.0.0.1'"],
      ['null', 'undefined', '*', '-', '127.0.0.1 :PORT', 'localhost :PORT', '\x80', '__proto__', 'constructor'],
    ].flat(),
  )('Host: %s is rejected', async (host) => {
    const bytes = Buffer.from(host, 'utf8').toString('latin1');
    expect(await statusesWith(`Host: ${bytes}\r\n`)).toEqual([403, 403]);
  });

  it('Host: 7000 characters is rejected', async () => {
    expect(await statusesWith(`Host: ${'x'.repeat(7_000)}\r\n`)).toEqual([403, 403]);
  });

  it.each(['127.0.0.1', 'LOCALHOST:PORT', '[::1]', '\t127.0.0.1\t', '  localhost:PORT  '])(
    'Host: %j is accepted',
    async (host) => {
      expect(
        await exchange(
          endpoint.port,
          tokenRequest(60).replace('127.0.0.1', host.replace('PORT', String(endpoint.port))),
        ),
      ).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  it.each([
    ['none', ''],
    ['empty', 'Host:\r\n'],
    ['blank', 'Host: \t \r\n'],
    ['two', 'Host: 127.0.0.1\r\nHost: evil.example\r\n'],
    ['two the other way round', 'Host: evil.example\r\nHost: 127.0.0.1\r\n'],
    ['two of the same', 'Host: 127.0.0.1\r\nhOsT: 127.0.0.1\r\n'],
    ['folded', 'Host: 127.0.0.1\r\n evil.example\r\n'],
    ['with a blank before the colon', 'Host : 127.0.0.1\r\n'],
    ['with a blank before it', ' Host: 127.0.0.1\r\n'],
    ['with a NUL', 'Host: 127.0.0.1\0\r\n'],
  ])('Host, %s, is a malformed request', async (_, lines) => {
    expect(await statusesWith(lines)).toEqual([400, 400]);
  });

  it.each(['X-Forwarded-Host', 'X-Host', 'Forwarded', 'X-Original-Host', ':authority', 'X-Forwarded-Server'])(
    '%s does not admit an unknown host',
    async (name) => {
      const statuses = await statusesWith(`Host: evil.example\r\n${name}: 127.0.0.1\r\n`);
      expect(new Set(statuses)).toEqual(new Set([name.startsWith(':') ? 400 : 403]));
    },
  );
});

describe('browsers', () => {
  it.each([
    ['fetch', 'Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n'],
    ['an opaque origin', 'Origin: null\r\n'],
    ['an empty origin', 'Origin:\r\n'],
    ['a page on another port', 'Origin: http://127.0.0.1:8080\r\nSec-Fetch-Site: same-site\r\n'],
    ['an image', 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n'],
    ['a link that was followed', 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n'],
    ['two sites, the second good', 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: none\r\n'],
    ['two sites, the first good', 'Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n'],
    ['a site in capitals', 'SEC-FETCH-SITE: CROSS-SITE\r\n'],
    ['a WebSocket', 'Origin: https://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'],
    ['an extension', 'Origin: chrome-extension://abcdefghijklmnop\r\nSec-Fetch-Site: none\r\n'],
  ])('%s', async (_, lines) => {
    expect(await statusesWith(`Host: 127.0.0.1\r\n${lines}`)).toEqual([403, 403]);
  });

  it.each(['', 'Origin: https://evil.example\r\n'])('a preflight with %j allows nothing', async (origin) => {
    const preflight =
      `OPTIONS /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1\r\n${origin}Access-Control-Request-Method: PUT\r\n` +
      'Access-Control-Request-Headers: x-aws-ec2-metadata-token-ttl-seconds\r\n' +
      'Access-Control-Request-Private-Network: true\r\nAccess-Control-Request-Local-Network: true\r\n\r\n';
    const received = await exchange(endpoint.port, preflight);
    expect(checkedAnswers(received).map(({ status }) => status)).toEqual([403]);
    expect(received).not.toMatch(/access-control-|^allow:/im);
  });
});

describe('proxies', () => {
  it.each(['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-For:', 'Forwarded: for=203.0.113.7', 'Via: 1.1 squid', 'VIA:'])(
    'a header %j prevents a token',
    async (line) => {
      // With a token it may read, as on EC2: the token came from this endpoint.
      expect(await statusesWith(`Host: 127.0.0.1\r\n${line}\r\n`)).toEqual([403, 200]);
    },
  );

  // Envoy adds these to requests of its own pod, so they do not show a proxy for others.
  it.each([
    'X-Forwarded-Proto: http',
    'X-Forwarded-Port: 80',
    'X-Forwarded-Host: evil.example',
    'X-Real-IP: 203.0.113.7',
  ])('a header %j changes nothing', async (line) => {
    expect(await statusesWith(`Host: 127.0.0.1\r\n${line}\r\n`)).toEqual([200, 200]);
  });
});
