import http from 'node:http';
import https from 'node:https';
import { expect, it } from 'vitest';
import type { ClusterKeysSource } from '../../src/config/config.ts';
import type { Environment } from '../../src/foundation/process-environment.ts';
import { keyReader } from '../../src/kubernetes/read-keys.ts';
import { closedPort, listening, temporaryFile, tlsFor } from '../rolesanywhere/support.ts';

/** Leads to this machine too, but no rule exempts it from proxies, as one does 127.0.0.1. */
const API_SERVER = '0.0.0.0';
const { signal } = new AbortController();

function read(source: ClusterKeysSource, environment: Environment): Promise<string> {
  return keyReader(source, { environment, userAgent: 'imds-anywhere/test' })(signal);
}

/** A proxy that opens no tunnel, and what it was asked for. */
async function closedProxy() {
  const asked: (string | undefined)[] = [];
  const server = http.createServer().on('connect', ({ url }: http.IncomingMessage, socket) => {
    asked.push(url);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  return { asked, environment: { HTTPS_PROXY: `http://127.0.0.1:${await listening(server)}` } };
}

it('the keys of an API server are never read through a proxy, and only its own CA counts', async () => {
  const tls = await tlsFor(API_SERVER);
  const server = https.createServer({ ...tls, ca: [] }, (_, answer) => answer.end('{"keys":[]}'));
  const url = `https://${API_SERVER}:${await listening(server)}/openid/v1/jwks`;
  const { asked, environment } = await closedProxy();
  const caBundle = temporaryFile('ca.crt', tls.ca);
  expect(await read({ from: 'url', url, caBundle }, environment)).toBe('{"keys":[]}');
  expect(asked).toEqual([]);
  const other = temporaryFile('ca.crt', (await tlsFor(API_SERVER)).ca);
  const trusting = { SSL_CERT_FILE: caBundle };
  await expect(read({ from: 'url', url, caBundle: other }, trusting)).rejects.toMatchObject({
    code: 'RA_TLS_UNTRUSTED',
  });
});

it('those at another address are, because they may be on the internet', async () => {
  const { asked, environment } = await closedProxy();
  const url = `https://${API_SERVER}:${await closedPort()}/jwks`;
  await expect(read({ from: 'url', url }, environment)).rejects.toMatchObject({ code: 'RA_PROXY_REFUSED' });
  expect(asked).toEqual([new URL(url).host]);
});
