import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workshop } from '../support/workshop.ts';
import { checkedAnswers, MARK } from './answers.ts';
import { exchange } from './exchange.ts';
import { credentialRequest, CREDENTIALS, ServedEndpoint } from './served-endpoint.ts';

let endpoint: ServedEndpoint;
beforeAll(async () => {
  const workshop = await Workshop.open();
  endpoint = await ServedEndpoint.open(workshop);
  return workshop.close;
});
afterAll(() => endpoint.check());

/** Returns the answers, after the checks for all answers. */
async function statusesOf(bytes: Buffer | string, ...absent: string[]): Promise<number[]> {
  return checkedAnswers(await exchange(endpoint.port, bytes), ...absent).map(({ status }) => status);
}

// If two readers disagree about the end of a request, the second one sees a request that the first
// one treated as a body. The hidden request has a valid token, so that it would return the
// credentials if it were read as a request.
describe('a request hidden in the body of another', () => {
  const put = 'PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n';

  it.each([
    ['Content-Length and chunked', 'Content-Length: BODY\r\nTransfer-Encoding: chunked\r\n'],
    ['chunked and Content-Length', 'Transfer-Encoding: chunked\r\nContent-Length: BODY\r\n'],
    ['two lengths', 'Content-Length: BODY\r\nContent-Length: 0\r\n'],
    ['two lengths the other way round', 'Content-Length: 0\r\nContent-Length: BODY\r\n'],
    ['a list of lengths', 'Content-Length: BODY, 0\r\n'],
    ['a length with a sign', 'Content-Length: +0\r\n'],
    ['a negative length', 'Content-Length: -1\r\n'],
    ['a hexadecimal length', 'Content-Length: 0x0\r\n'],
    ['a length with a blank inside', 'Content-Length: 0 0\r\n'],
    ['an endless length', `Content-Length: ${'9'.repeat(40)}\r\n`],
    ['an empty length', 'Content-Length:\r\n'],
    ['an encoding that is not known', 'Transfer-Encoding: xchunked\r\n'],
    ['identity', 'Transfer-Encoding: identity\r\n'],
    ['chunked, and then something else', 'Transfer-Encoding: chunked, identity\r\n'],
    ['chunked in two headers, not the last', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'],
    ['chunked with a control character', 'Transfer-Encoding: \x0bchunked\r\n'],
    ['chunked in quotes', 'Transfer-Encoding: "chunked"\r\n'],
    ['a blank before the colon', 'Transfer-Encoding : chunked\r\n'],
    ['a folded header', 'Transfer-Encoding:\r\n chunked\r\n'],
    ['a header in a folded line', 'X-A: b\r\n Transfer-Encoding: chunked\r\n'],
    ['a header after a bare line feed', 'X-A: b\nTransfer-Encoding: chunked\r\n'],
    ['a header after a bare carriage return', 'X-A: b\rTransfer-Encoding: chunked\r\n'],
    ['a header after a NUL', 'X-A: b\0Transfer-Encoding: chunked\r\n'],
  ])('%s', async (_, headers) => {
    const hidden = credentialRequest(endpoint.token, endpoint.role);
    for (const body of [`0\r\n\r\n${hidden}`, hidden]) {
      const head = put + headers.replace('BODY', String(body.length));
      const statuses = await statusesOf(`${head}\r\n${body}`, ...endpoint.secrets);
      expect(statuses).not.toEqual([]);
      expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(1);
    }
  });

  it.each([
    ['a size that is no number', 'xyz\r\n'],
    ['a size with a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a size with a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a size beyond 64 bits', `${'f'.repeat(17)}\r\n`],
    ['a chunk longer than its size', '1\r\nhello\r\n0\r\n\r\n'],
    ['no line end after a chunk', '5\r\nhello0\r\n\r\n'],
    ['bare line feeds', '5\nhello\n0\n\n'],
    ['a line feed in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
    ['an endless extension', `5;${'a'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`],
    ['endless trailers', `0\r\n${`X-A: ${MARK}\r\n`.repeat(10_000)}\r\n`],
  ])('behind chunks with %s', async (_, chunks) => {
    const bytes = `${put}Transfer-Encoding: chunked\r\n\r\n${chunks}${credentialRequest(endpoint.token, endpoint.role)}`;
    const statuses = await statusesOf(bytes, ...endpoint.secrets);
    expect(statuses.slice(1).filter((status) => status === 200)).toEqual([]);
  });

  it('is a request if the body ends before it, by any rule', async () => {
    const hidden = credentialRequest(endpoint.token, endpoint.role);
    for (const framed of [
      `${put}Content-Length: 5\r\n\r\nhello${hidden}`,
      `${put}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${hidden}`,
    ])
      expect(await statusesOf(framed)).toEqual([200, 200]);
  });
});

describe('targets', () => {
  it.each([
    [`http://127.0.0.1${CREDENTIALS}ROLE`, 400],
    [`http://evil.example${CREDENTIALS}ROLE`, 400],
    [`http://evil.example@127.0.0.1${CREDENTIALS}ROLE`, 400],
    [`HTTPS://127.0.0.1${CREDENTIALS}ROLE`, 400],
    [`//evil.example${CREDENTIALS}ROLE`, 404],
    [`file://${CREDENTIALS}ROLE`, 400],
    ['*', 400],
    ['/latest/meta-data/%00', 404],
    ['/latest/meta-data/iam%00/', 404],
    ['/latest/meta-data/%2e%2e/meta-data/', 404],
    ['/latest/meta-data/../meta-data/', 404],
    ['/../../../../etc/passwd', 404],
    ['/..%2f..%2f..%2fetc%2fpasswd', 404],
    ['/latest/..;/latest/meta-data/', 404],
    ['/latest/meta-data/iam%2fsecurity-credentials/', 404],
    ['/latest\\meta-data\\iam', 404],
    ['/latest%5cmeta-data', 404],
    ['/latest/meta-data/%c0%ae%c0%ae/', 404],
    ['/latest/meta-data/%ff%fe', 404],
    ['/latest/meta-data/%', 404],
    ['/latest/meta-data/%u0069am/', 404],
    ['/LATEST/meta-data/', 404],
    ['/latest/meta-data/iam/constructor', 404],
    ['/latest/meta-data/__proto__/iam', 404],
    [`/${MARK}<script>alert(1)</script>`, 404],
    ['/latest/meta-data/\xff\xfe', 400],
    ['/latest/meta-data/\0', 400],
    ['/latest/meta-data/ x', 400],
  ])('%j is answered with %i', async (target, status) => {
    const bytes = credentialRequest(endpoint.token).replace(CREDENTIALS, target.replace('ROLE', endpoint.role));
    expect(await statusesOf(bytes, ...endpoint.secrets)).toEqual([status]);
    const without = bytes.replace(endpoint.token, 'none');
    expect(await statusesOf(without, ...endpoint.secrets)).toEqual([status === 404 ? 401 : status]);
  });

  it.each(['CONNECT evil.example:443', 'CONNECT 127.0.0.1:80', 'PRI *', 'QUERY /', 'get /', 'GÉT /'])(
    '%j gets no credentials',
    async (line) => {
      const bytes = credentialRequest(endpoint.token).replace(/^GET \S+/, line);
      const statuses = await statusesOf(bytes, ...endpoint.secrets);
      expect(statuses).not.toContain(200);
    },
  );
});

describe('endless headers', () => {
  it.each(['X-Odd: ', 'Host: ', 'X-aws-ec2-metadata-token: ', ''])('%j', async (start) => {
    const bytes = `GET ${CREDENTIALS} HTTP/1.1\r\n${start}${MARK.repeat(150_000)}`;
    expect(await statusesOf(bytes, ...endpoint.secrets)).toEqual([431]);
  });
});

describe('bytes that are not text', () => {
  it.each(['\x80', '\xff\xfe', '\xc3\x28', '\xed\xa0\x80', '\0', '\x01', '\x7f', '\x1b[2J'])('%j', async (odd) => {
    for (const place of ['X-Odd: ', 'Host: ', 'X-aws-ec2-metadata-token: ', `X-Odd${odd}: `]) {
      const bytes = `GET ${CREDENTIALS}${endpoint.role} HTTP/1.1\r\n${place}${odd}${MARK}\r\n\r\n`;
      expect(await statusesOf(bytes, ...endpoint.secrets)).not.toContain(200);
    }
  });
});
