import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RolesAnywhereConfig } from '../../src/config/config.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { createSessionAt } from '../../src/rolesanywhere/create-session.ts';
import { httpsExchange } from '../../src/rolesanywhere/https-exchange.ts';
import { httpsTransport, type TransportOptions } from '../../src/rolesanywhere/https-transport.ts';
import type { HttpAnswer, HttpRequest } from '../../src/rolesanywhere/send.ts';
import { sign } from '../support/signer.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import {
  closedPort,
  connectProxy,
  granted,
  identity,
  listening,
  target,
  temporaryFile,
  type TlsFiles,
  tlsFor,
} from './support.ts';

/** A name that no test looks up in DNS. */
const SERVICE = 'rolesanywhere.eu-central-1.amazonaws.com';
let files: TlsFiles;

beforeAll(async () => {
  files = await tlsFor(SERVICE);
});

function send(
  url: string,
  options: Partial<TransportOptions> = {},
  signal = new AbortController().signal,
): Promise<HttpAnswer> {
  const request: HttpRequest = { url, method: 'POST', headers: { host: new URL(url).host }, body: '{}' };
  return httpsTransport({ userAgent: 'imds-anywhere/test', environment: {}, ...options })(request, signal);
}

async function errorOf(sent: Promise<HttpAnswer>): Promise<CodedError> {
  const outcome: unknown = await sent.catch((error: unknown) => error);
  if (!(outcome instanceof CodedError)) throw new Error('expected a CodedError', { cause: outcome });
  return outcome;
}

function pemFile(content: string): string {
  return temporaryFile('ca.pem', content);
}

const answerOk: http.RequestListener = (_, response) => response.writeHead(201, { 'x-a': ['1', '2'] }).end('fine');

/** Resolves when a connection to this server is closed. */
function hangingUp(server: net.Server): Promise<unknown> {
  return new Promise((resolve) => server.on('connection', (socket: net.Socket) => socket.on('close', resolve)));
}

/** Reads one whole request as bytes and grants it. */
function recorder(): { server: net.Server; requests: string[] } {
  const requests: string[] = [];
  const { body } = granted();
  const server = net.createServer((socket) => {
    let bytes = '';
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1');
      if (!/\r\n\r\n.*\}$/s.test(bytes)) return;
      requests.push(bytes);
      socket.end(`HTTP/1.1 201 Created\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    });
  });
  return { server, requests };
}

describe('an exchange', () => {
  it('is sent as signed, with nothing else', async () => {
    const { server, requests } = recorder();
    const endpoint = `http://127.0.0.1:${await listening(server)}/base%20path`;
    const signed: HttpRequest[] = [];
    const transport = httpsTransport({ userAgent: 'imds-anywhere/1.2.3', environment: {} });
    const createSession = createSessionAt({
      rolesAnywhere: { endpoint, fips: false, dualStack: false },
      clock: new VirtualClock(),
      sign,
      send: (request, signal) => {
        signed.push(request);
        return transport(request, signal);
      },
    });
    await createSession(identity, { ...target, roleSessionName: 'a+b=c' }, new AbortController().signal);
    const [head, body] = (requests[0] ?? '').split('\r\n\r\n');
    const [requestLine, ...lines] = (head ?? '').split('\r\n');
    const url = signed[0]?.url ?? '';
    expect(requestLine).toBe(`POST ${url.slice(url.indexOf('/base%20path'))} HTTP/1.1`);
    const ofConnection = [
      `Content-Length: ${body?.length ?? 0}`,
      'Connection: close',
      'user-agent: imds-anywhere/1.2.3',
    ];
    const ofSignature = Object.entries(signed[0]?.headers ?? {}).map(([name, value]) => `${name}: ${value}`);
    expect([...lines].sort()).toEqual([...ofSignature, ...ofConnection].sort());
    expect(body).toBe('{"durationSeconds":3600,"roleSessionName":"a+b=c"}');
  });

  it('does not depend on the environment', async () => {
    const { server, requests } = recorder();
    const endpoint = `http://127.0.0.1:${await listening(server)}`;
    const parts = { clock: new VirtualClock(), sign, environment: process.env, userAgent: 'imds-anywhere/test' };
    const exchange = (): Promise<unknown> =>
      httpsExchange({ endpoint, fips: false, dualStack: false }, parts)(identity, target, new AbortController().signal);
    await exchange();
    const elsewhere = `http://127.0.0.1:${await closedPort()}`;
    const ambient = {
      AWS_PROFILE: 'nope',
      AWS_CONFIG_FILE: '/nonexistent',
      AWS_REGION: 'us-west-2',
      AWS_ENDPOINT_URL: elsewhere,
      AWS_ENDPOINT_URL_ROLESANYWHERE: elsewhere,
      AWS_USE_FIPS_ENDPOINT: 'true',
      AWS_USE_DUALSTACK_ENDPOINT: 'true',
      AWS_CA_BUNDLE: '/nonexistent',
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      HTTP_PROXY: elsewhere,
      HTTPS_PROXY: elsewhere,
      http_proxy: elsewhere,
      https_proxy: elsewhere,
      ALL_PROXY: elsewhere,
    };
    for (const [name, value] of Object.entries(ambient)) vi.stubEnv(name, value);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await exchange();
    expect(requests).toHaveLength(2);
    expect(requests[1]).toBe(requests[0]);
    expect(requests[0]).toContain('user-agent: imds-anywhere/test\r\n');
  });

  it('trusts the CAs that the configuration names', async () => {
    const tls = await tlsFor('127.0.0.1');
    const { body } = granted();
    const server = https.createServer({ ...tls, ca: [] }, (_, response) => response.writeHead(201).end(body));
    const endpoint = `https://127.0.0.1:${await listening(server)}`;
    const parts = { clock: new VirtualClock(), sign, environment: {}, userAgent: 'imds-anywhere/test' };
    const exchange = (settings: Partial<RolesAnywhereConfig>): Promise<unknown> =>
      httpsExchange({ endpoint, fips: false, dualStack: false, ...settings }, parts)(
        identity,
        target,
        new AbortController().signal,
      );
    expect(await exchange({ caBundle: pemFile(tls.ca) })).toMatchObject({ accessKeyId: 'ASIAIOSFODNN7EXAMPLE' });
    await expect(exchange({})).rejects.toMatchObject({ code: 'RA_TLS_UNTRUSTED' });
  });

  it('returns any status and repeated headers', async () => {
    const port = await listening(http.createServer(answerOk));
    expect(await send(`http://127.0.0.1:${port}/`)).toMatchObject({
      status: 201,
      headers: { 'x-a': '1, 2' },
      body: 'fine',
    });
  });

  it('leaves no timer behind', async () => {
    const [begun, ended] = [vi.spyOn(globalThis, 'setInterval'), vi.spyOn(globalThis, 'clearInterval')];
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    await send(`http://127.0.0.1:${await listening(http.createServer(answerOk))}/`);
    expect(begun).toHaveBeenCalled();
    const cleared = ended.mock.calls.map(([timer]) => timer);
    for (const { value } of begun.mock.results) expect(cleared).toContain(value);
  });

  it('does not follow redirects', async () => {
    let requests = 0;
    const server = http.createServer((_, response) => {
      requests += 1;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await send(`http://127.0.0.1:${await listening(server)}/`)).toMatchObject({ status: 307 });
    expect(requests).toBe(1);
  });
});

describe('an exchange fails', () => {
  it('if nothing listens', async () => {
    expect(await errorOf(send(`http://127.0.0.1:${await closedPort()}/`))).toMatchObject({
      code: 'RA_CONNECTION_REFUSED',
    });
    const url = `http://localhost:${await closedPort()}`;
    const error = await errorOf(send(`${url}/`));
    expect(error.code).toBe('RA_CONNECTION_REFUSED');
    expect(error.message).toContain(`no answer from ${url}: `);
  });

  it('if the name is unknown', async () => {
    // RFC 6761: "invalid" never resolves, even without DNS.
    expect(await errorOf(send('https://rolesanywhere.invalid/'))).toMatchObject({ code: 'RA_NAME_UNRESOLVED' });
  });

  it('if the connection is cut', async () => {
    const port = await listening(net.createServer((socket) => socket.on('data', () => socket.resetAndDestroy())));
    expect(await errorOf(send(`http://127.0.0.1:${port}/`))).toMatchObject({ code: 'RA_CONNECTION_LOST' });
  });

  it('if the answer ends early', async () => {
    const half = 'HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{"credentialSet"';
    const port = await listening(net.createServer((socket) => socket.on('data', () => socket.end(half))));
    expect(await errorOf(send(`http://127.0.0.1:${port}/`))).toMatchObject({ code: 'RA_CONNECTION_LOST' });
  });

  it('if the answer is not HTTP', async () => {
    const port = await listening(
      net.createServer((socket) => socket.on('data', () => socket.end('SSH-2.0-OpenSSH_9.6\r\n'))),
    );
    expect(await errorOf(send(`http://127.0.0.1:${port}/`))).toMatchObject({ code: 'RA_NOT_HTTP' });
  });

  it('if the endpoint is silent', async () => {
    const server = http.createServer(() => undefined);
    const hungUp = hangingUp(server);
    const port = await listening(server);
    const error = await errorOf(send(`http://127.0.0.1:${port}/`, { deadlineMs: 80 }));
    expect(error).toMatchObject({ code: 'RA_DEADLINE_EXCEEDED', message: 'no complete response within 0.08 seconds' });
    await hungUp;
  });

  it('if the answer is too slow', async () => {
    const server = http.createServer((_, response) => {
      const timer = setInterval(() => response.write('.'), 10);
      response.on('close', () => {
        clearInterval(timer);
      });
    });
    const port = await listening(server);
    expect(await errorOf(send(`http://127.0.0.1:${port}/`, { deadlineMs: 80 }))).toMatchObject({
      code: 'RA_DEADLINE_EXCEEDED',
    });
  });

  it('if TLS gets no answer', async () => {
    const origin = `https://127.0.0.1:${await listening(net.createServer())}`;
    const error = await errorOf(send(`${origin}/`, { connectTimeoutMs: 80 }));
    const message = `no connection to ${origin} within 0.08 seconds`;
    expect(error).toMatchObject({ code: 'RA_CONNECT_TIMEOUT', message });
  });

  it('if the caller gives up, before or during it', async () => {
    const caller = new AbortController();
    const server = http.createServer(() => {
      caller.abort();
    });
    const hungUp = hangingUp(server);
    const url = `http://127.0.0.1:${await listening(server)}/`;
    expect(await errorOf(send(url, {}, caller.signal))).toMatchObject({ code: 'RA_CANCELLED' });
    await hungUp;
    expect(await errorOf(send(url, {}, caller.signal))).toMatchObject({ code: 'RA_CANCELLED' });
  });

  it('if the answer has 10 MiB, and then stops reading', async () => {
    let written = 0;
    const server = http.createServer((_, response) => {
      const more = (): void => {
        while (written < 10 * 1024 * 1024) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return;
        }
        response.end();
      };
      response.on('drain', more);
      more();
    });
    const port = await listening(server);
    expect(await errorOf(send(`http://127.0.0.1:${port}/`))).toMatchObject({ code: 'RA_ANSWER_TOO_LARGE' });
    expect(written).toBeLessThan(10 * 1024 * 1024);
  });

  it('if the answer has a byte more than 1 MiB', async () => {
    const server = http.createServer((request, response) => response.end('a'.repeat(Number(request.url?.slice(1)))));
    const url = `http://127.0.0.1:${await listening(server)}`;
    expect((await send(`${url}/1048576`)).body).toHaveLength(1_048_576);
    expect(await errorOf(send(`${url}/1048577`))).toMatchObject({ code: 'RA_ANSWER_TOO_LARGE' });
  });

  it('if the headers are huge', async () => {
    const server = http.createServer((_, response) => response.writeHead(201, { 'x-a': 'a'.repeat(100_000) }).end());
    expect(await errorOf(send(`http://127.0.0.1:${await listening(server)}/`))).toMatchObject({
      code: 'RA_ANSWER_TOO_LARGE',
    });
  });
});

describe('TLS', () => {
  async function endpoint(tls: TlsFiles, options: https.ServerOptions = {}): Promise<string> {
    return `https://127.0.0.1:${await listening(https.createServer({ ...tls, ca: [], ...options }, answerOk))}/`;
  }

  it('trusts the CAs of the bundle', async () => {
    const tls = await tlsFor('127.0.0.1');
    const url = await endpoint(tls);
    expect(await send(url, { caBundle: pemFile(`other text\n${files.ca}\n${tls.ca}\n`) })).toMatchObject({
      status: 201,
    });
    expect(await errorOf(send(url, { caBundle: pemFile(files.ca) }))).toMatchObject({ code: 'RA_TLS_UNTRUSTED' });
    expect(await errorOf(send(url))).toMatchObject({ code: 'RA_TLS_UNTRUSTED' });
  });

  it('reads the bundle for each call', async () => {
    const tls = await tlsFor('127.0.0.1');
    const url = await endpoint(tls);
    const caBundle = pemFile(files.ca);
    expect(await errorOf(send(url, { caBundle }))).toMatchObject({ code: 'RA_TLS_UNTRUSTED' });
    writeFileSync(caBundle, tls.ca);
    expect(await send(url, { caBundle })).toMatchObject({ status: 201 });
  });

  it('trusts the CAs of SSL_CERT_FILE and SSL_CERT_DIR, like the AWS helper', async () => {
    const tls = await tlsFor('127.0.0.1');
    const url = await endpoint(tls);
    const [right, wrong] = [pemFile(tls.ca), pemFile(files.ca)];
    writeFileSync(path.join(path.dirname(right), 'README'), 'no certificate');
    const elsewhere = path.dirname(wrong);
    for (const environment of [
      { SSL_CERT_FILE: right },
      { SSL_CERT_DIR: path.dirname(right) },
      { SSL_CERT_DIR: `${elsewhere}:${path.dirname(right)}` },
      { SSL_CERT_FILE: wrong, SSL_CERT_DIR: path.dirname(right) },
    ])
      expect(await send(url, { environment }), JSON.stringify(environment)).toMatchObject({ status: 201 });
    expect(await send(url, { environment: { SSL_CERT_FILE: wrong }, caBundle: right })).toMatchObject({ status: 201 });
    for (const environment of [{ SSL_CERT_FILE: wrong }, { SSL_CERT_DIR: elsewhere }, { SSL_CERT_FILE: '' }])
      expect(await errorOf(send(url, { environment }))).toMatchObject({ code: 'RA_TLS_UNTRUSTED' });
    const missing = path.join(elsewhere, 'missing');
    for (const environment of [{ SSL_CERT_FILE: missing }, { SSL_CERT_DIR: missing }])
      expect(await errorOf(send(url, { environment }))).toMatchObject({ code: 'CA_BUNDLE_UNREADABLE' });
  });

  it('finds a CA under the links that OpenSSL makes in SSL_CERT_DIR', async () => {
    const tls = await tlsFor('127.0.0.1');
    const url = await endpoint(tls);
    const file = pemFile(tls.ca);
    const directory = path.dirname(file);
    symlinkSync(path.basename(file), path.join(directory, '0123abcd.0'));
    const links = path.dirname(pemFile(files.ca));
    symlinkSync(file, path.join(links, '0123abcd.0'));
    for (const SSL_CERT_DIR of [directory, links])
      expect(await send(url, { environment: { SSL_CERT_DIR } })).toMatchObject({ status: 201 });
  });

  it('does not read CAs for plain http', async () => {
    const environment = { SSL_CERT_FILE: '/nonexistent', SSL_CERT_DIR: '/nonexistent' };
    const url = `http://127.0.0.1:${await listening(http.createServer(answerOk))}/`;
    expect(await send(url, { environment })).toMatchObject({ status: 201 });
  });

  it('verifies certificates for any value of NODE_TLS_REJECT_UNAUTHORIZED', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    expect(await errorOf(send(await endpoint(await tlsFor('127.0.0.1'))))).toMatchObject({ code: 'RA_TLS_UNTRUSTED' });
  });

  it('requires the right name', async () => {
    const caBundle = pemFile(files.ca);
    expect(await errorOf(send(await endpoint(files), { caBundle }))).toMatchObject({ code: 'RA_TLS_WRONG_NAME' });
  });

  it('requires a currently valid certificate', async () => {
    const past = await tlsFor('127.0.0.1', { notBefore: new Date(0), notAfter: new Date(1_000_000_000_000) });
    const future = await tlsFor('127.0.0.1', {
      notBefore: new Date('2100-01-01T00:00:00Z'),
      notAfter: new Date('2101-01-01T00:00:00Z'),
    });
    for (const tls of [past, future])
      expect(await errorOf(send(await endpoint(tls), { caBundle: pemFile(tls.ca) }))).toMatchObject({
        code: 'RA_TLS_DATES',
      });
  });

  it('requires version 1.2', async () => {
    const tls = await tlsFor('127.0.0.1');
    const caBundle = pemFile(tls.ca);
    expect(await send(await endpoint(tls, { maxVersion: 'TLSv1.2' }), { caBundle })).toMatchObject({ status: 201 });
    const old = await endpoint(tls, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    expect(await errorOf(send(old, { caBundle }))).toMatchObject({ code: 'RA_TLS_FAILED' });
  });

  it('rejects plain HTTP', async () => {
    const port = await listening(http.createServer(answerOk));
    expect(await errorOf(send(`https://127.0.0.1:${port}/`))).toMatchObject({ code: 'RA_TLS_FAILED' });
  });

  it('requires a readable bundle', async () => {
    const directory = path.dirname(pemFile(''));
    const code = async (caBundle: string): Promise<string> =>
      (await errorOf(send('https://127.0.0.1:1/', { caBundle }))).code;
    expect(await code(path.join(directory, 'missing.pem'))).toBe('CA_BUNDLE_UNREADABLE');
    expect(await code(directory)).toBe('CA_BUNDLE_UNREADABLE');
    expect(await code(pemFile(''))).toBe('CA_BUNDLE_EMPTY');
    expect(await code(pemFile(files.key))).toBe('CA_BUNDLE_EMPTY');
    expect(await code(pemFile(files.ca.replace(/MII../, 'AAAAA')))).toBe('CA_BUNDLE_EMPTY');
  });
});

describeWith('mkfifo', hasTool('mkfifo', '--version'), 'a CA bundle that is a pipe', () => {
  it('is an error at once, because waiting would block threads of name resolution', async () => {
    const pipe = `${pemFile('')}.pipe`;
    execFileSync('mkfifo', [pipe]);
    const failure = await errorOf(send('https://127.0.0.1:1/', { caBundle: pipe, deadlineMs: 5_000 }));
    expect(failure).toMatchObject({ code: 'CA_BUNDLE_EMPTY' });
  });
});

describe('a proxy', () => {
  async function behindProxy(): Promise<{
    tunnels: string[];
    authorizations: unknown[];
    proxy: string;
    caBundle: string;
  }> {
    const { server, tunnels, authorizations } = connectProxy(
      await listening(https.createServer({ ...files, ca: [] }, answerOk)),
    );
    const proxy = `http://127.0.0.1:${await listening(server)}`;
    return { tunnels, authorizations, proxy, caBundle: pemFile(files.ca) };
  }

  it.each(['HTTPS_PROXY', 'https_proxy'])('in %s is used, and TLS reaches the service through it', async (variable) => {
    const { tunnels, proxy, caBundle } = await behindProxy();
    const sent = send(`https://${SERVICE}/sessions`, { caBundle, environment: { [variable]: proxy } });
    expect(await sent).toMatchObject({ status: 201, body: 'fine' });
    expect(tunnels).toEqual([`${SERVICE}:443`]);
  });

  it('gets the user name and password of its URL, and needs no scheme', async () => {
    const { authorizations, proxy, caBundle } = await behindProxy();
    const environment = { HTTPS_PROXY: proxy.replace('http://', 'us%40er:hunter2@') };
    await send(`https://${SERVICE}/sessions`, { caBundle, environment });
    expect(authorizations).toEqual([`Basic ${Buffer.from('us@er:hunter2').toString('base64')}`]);
  });

  it.each([
    ['p%E4ss', [0x70, 0xe4, 0x73, 0x73]],
    ['%C3', [0xc3]],
    ['%FF%00', [0xff, 0x00]],
    ['p%C3%A4ss', [...Buffer.from('päss')]],
    ['päss', [...Buffer.from('päss')]],
  ])('gets a password that is %s as unchanged bytes', async (password, bytes) => {
    const { authorizations, proxy, caBundle } = await behindProxy();
    const environment = { HTTPS_PROXY: proxy.replace('http://', `http://user:${password}@`) };
    await send(`https://${SERVICE}/sessions`, { caBundle, environment });
    const wanted = Buffer.concat([Buffer.from('user:'), Buffer.from(bytes)]).toString('base64');
    expect(authorizations).toEqual([`Basic ${wanted}`]);
  });

  it('with TLS carries the TLS of the service', async () => {
    const own = await tlsFor('127.0.0.1');
    const service = await listening(https.createServer({ ...files, ca: [] }, answerOk));
    const { server, tunnels } = connectProxy(service, https.createServer({ ...own, ca: [] }));
    const environment = { HTTPS_PROXY: `https://127.0.0.1:${await listening(server)}` };
    const caBundle = pemFile(`${files.ca}\n${own.ca}`);
    expect(await send(`https://${SERVICE}/`, { caBundle, environment })).toMatchObject({ status: 201, body: 'fine' });
    expect(tunnels).toEqual([`${SERVICE}:443`]);
  });

  it('gets an IPv6 address in brackets', async () => {
    const { tunnels, proxy } = await behindProxy();
    await errorOf(send('https://[2001:db8::1]:8443/', { environment: { HTTPS_PROXY: proxy } }));
    expect(tunnels).toEqual(['[2001:db8::1]:8443']);
  });

  it.each(['socks5://user:hunter2@127.0.0.1:1080', 'socks5h://127.0.0.1:1080', 'socks4a://h', 'SOCKS://h:1'])(
    'with SOCKS is rejected with a specific message: %s',
    async (HTTPS_PROXY) => {
      const error = await errorOf(send(`https://${SERVICE}/`, { environment: { HTTPS_PROXY } }));
      expect(error.code).toBe('PROXY_SOCKS_UNSUPPORTED');
      expect(error.message).not.toContain('hunter2');
    },
  );

  it('in lower case takes precedence, unless it is empty', async () => {
    const { tunnels, proxy, caBundle } = await behindProxy();
    const elsewhere = `http://127.0.0.1:${await closedPort()}`;
    await send(`https://${SERVICE}/`, { caBundle, environment: { https_proxy: proxy, HTTPS_PROXY: elsewhere } });
    await send(`https://${SERVICE}/`, { caBundle, environment: { https_proxy: '', HTTPS_PROXY: proxy } });
    expect(tunnels).toHaveLength(2);
  });

  it.each([
    ['NO_PROXY', 'rolesanywhere.invalid'],
    ['no_proxy', '.invalid'],
    ['NO_PROXY', 'a.example, *.invalid'],
    ['NO_PROXY', '*'],
  ])('is not used for %s=%s', async (variable, value) => {
    const { tunnels, proxy } = await behindProxy();
    const environment = { HTTPS_PROXY: proxy, [variable]: value };
    expect(await errorOf(send('https://rolesanywhere.invalid/', { environment }))).toMatchObject({
      code: 'RA_NAME_UNRESOLVED',
    });
    expect(tunnels).toEqual([]);
  });

  it('is not used for requests to this machine', async () => {
    const { tunnels, proxy } = await behindProxy();
    const port = await listening(http.createServer(answerOk));
    const environment = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy };
    for (const host of ['127.0.0.1', 'localhost'])
      expect(await send(`http://${host}:${port}/`, { environment })).toMatchObject({ status: 201 });
    const tls = await tlsFor('127.0.0.1');
    const tlsPort = await listening(https.createServer({ ...tls, ca: [] }, answerOk));
    expect(await send(`https://127.0.0.1:${tlsPort}/`, { environment, caBundle: pemFile(tls.ca) })).toMatchObject({
      status: 201,
    });
    expect(tunnels).toEqual([]);
  });

  it('gets nothing else', async () => {
    const server = http.createServer();
    const heads: string[][] = [];
    server.on('connect', ({ method, url, rawHeaders }, socket: net.Socket) => {
      heads.push([method ?? '', url ?? '', ...rawHeaders]);
      socket.end('HTTP/1.1 403 No\r\n\r\n');
    });
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${await listening(server)}` };
    await errorOf(send(`https://${SERVICE}/`, { environment }));
    expect(heads).toEqual([['CONNECT', `${SERVICE}:443`, 'Host', `${SERVICE}:443`]]);
  });

  it.each([200, 201, 299])('may answer %i to CONNECT, and what follows is from the service', async (status) => {
    const service = await listening(https.createServer({ ...files, ca: [] }, answerOk));
    const through = async (garbage: string): Promise<HttpAnswer> => {
      const server = http.createServer();
      server.on('connect', (_, client: net.Socket) => {
        const upstream = net.connect(service, '127.0.0.1', () => {
          client.write(`HTTP/1.1 ${status} OK\r\n\r\n${garbage}`);
          upstream.pipe(client).pipe(upstream);
        });
        upstream.on('error', () => client.destroy());
        client.on('error', () => upstream.destroy());
      });
      const environment = { HTTPS_PROXY: `http://127.0.0.1:${await listening(server)}` };
      return send(`https://${SERVICE}/`, { environment, caBundle: pemFile(files.ca) });
    };
    expect(await through('')).toMatchObject({ status: 201 });
    expect(await errorOf(through('no TLS'))).toMatchObject({ code: 'RA_TLS_FAILED' });
  });

  it.each([300, 403, 407, 502])('that answers %i to CONNECT is reported without its password', async (status) => {
    const server = http.createServer();
    server.on('connect', (_, socket: net.Socket) => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`));
    const port = await listening(server);
    const environment = { HTTPS_PROXY: `http://user:hunter2@127.0.0.1:${port}` };
    const error = await errorOf(send(`https://${SERVICE}/`, { environment }));
    expect(error.code).toBe('RA_PROXY_REFUSED');
    expect(error.message).toContain(`the proxy http://127.0.0.1:${port} (HTTPS_PROXY)`);
    expect(error.message).toContain(String(status));
    expect(error.message).not.toContain('hunter2');
  });

  it('that is unreachable or silent is an error in time', async () => {
    const gone = { HTTPS_PROXY: `http://127.0.0.1:${await closedPort()}` };
    const refused = await errorOf(send(`https://${SERVICE}/`, { environment: gone }));
    expect(refused.code).toBe('RA_CONNECTION_REFUSED');
    expect(refused.message).toContain(`no answer from https://${SERVICE} (HTTPS_PROXY is ${gone.HTTPS_PROXY}): `);
    const server = net.createServer((socket) => socket.resume());
    const hungUp = hangingUp(server);
    const silent = { HTTPS_PROXY: `http://127.0.0.1:${await listening(server)}` };
    const error = await errorOf(send(`https://${SERVICE}/`, { environment: silent, connectTimeoutMs: 80 }));
    expect(error).toMatchObject({ code: 'RA_CONNECT_TIMEOUT' });
    expect(error.message).toContain(`the proxy ${silent.HTTPS_PROXY}`);
    await hungUp;
  });

  it.each(['http://', 'ftp://proxy.example', 'http://a b', 'http://us%er:hunter2@proxy.example:3128'])(
    'must be a URL: %s',
    async (HTTPS_PROXY) => {
      const error = await errorOf(send(`https://${SERVICE}/`, { environment: { HTTPS_PROXY } }));
      expect(error.code).toBe('PROXY_MALFORMED');
      expect(error.message).not.toContain('hunter2');
    },
  );
});
