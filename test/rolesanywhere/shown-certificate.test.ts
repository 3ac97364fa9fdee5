import { once } from 'node:events';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { expect, it, onTestFinished, vi } from 'vitest';
import { shownCertificate } from '../../src/rolesanywhere/shown-certificate.ts';
import { connectProxy, listening, temporaryFile, type TlsFiles, tlsFor } from './support.ts';

/** A server that keeps what it receives within TLS. */
function recording(files: TlsFiles): { server: tls.Server; received: () => string; closed: Promise<unknown> } {
  let text = '';
  const server = tls.createServer({ ...files, ca: [] }, (socket) => {
    socket.on('error', () => undefined).on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  });
  const closed = new Promise((resolve) => server.on('connection', (socket: net.Socket) => socket.on('close', resolve)));
  return { server, received: () => text, closed };
}

it('shows a certificate that is not trusted, for another name and expired, and sends nothing', async () => {
  const files = await tlsFor('other.example', {
    subject: 'CN=server, OU=One, OU=Two, O=Example, C=DE, L=Town',
    notBefore: new Date('2001-01-01T00:00:00Z'),
    notAfter: new Date('2002-01-01T00:00:00Z'),
  });
  const { server, received, closed } = recording(files);
  const shown = await shownCertificate(new URL(`https://127.0.0.1:${await listening(server)}/`), { environment: {} });
  expect(shown).toEqual({
    subject: 'CN=server, OU=One/Two, O=Example, C=DE',
    issuer: expect.stringMatching(/^CN=test CA [\w-]+$/) as string,
    validTo: 'Jan  1 00:00:00 2002 GMT',
  });
  await closed;
  expect(received()).toBe('');
});

it('shows it through a proxy', async () => {
  const { server } = recording(await tlsFor('other.example'));
  const { server: proxy, tunnels } = connectProxy(await listening(server));
  const environment = { HTTPS_PROXY: `http://127.0.0.1:${await listening(proxy)}` };
  expect(await shownCertificate(new URL('https://service.invalid/'), { environment })).toMatchObject({
    subject: 'CN=server',
  });
  expect(tunnels).toEqual(['service.invalid:443']);
});

it('trusts a proxy with TLS only with the CAs that a call trusts', async () => {
  const own = await tlsFor('127.0.0.1');
  const { server } = recording(await tlsFor('other.example'));
  const { server: proxy } = connectProxy(await listening(server), https.createServer({ ...own, ca: [] }));
  const environment = { HTTPS_PROXY: `https://127.0.0.1:${await listening(proxy)}` };
  const target = new URL('https://service.invalid/');
  await expect(shownCertificate(target, { environment })).rejects.toThrow('certificate');
  const caBundle = temporaryFile('ca.pem', own.ca);
  expect(await shownCertificate(target, { environment, caBundle })).toMatchObject({ subject: 'CN=server' });
});

it('waits five seconds for a server that is silent', async () => {
  const server = net.createServer();
  const connected = new Promise<net.Socket>((resolve) => server.on('connection', resolve));
  const closed = connected.then((socket) => once(socket.resume(), 'close'));
  const target = new URL(`https://127.0.0.1:${await listening(server)}/`);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let outcome: unknown;
  const looked = shownCertificate(target, { environment: {} }).catch((error: unknown) => {
    outcome = error;
  });
  await connected;
  await vi.advanceTimersByTimeAsync(4_999);
  expect(outcome).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  await looked;
  expect(outcome).toMatchObject({ code: 'RA_CONNECT_TIMEOUT', message: 'no TLS within 5 seconds' });
  await closed;
});
