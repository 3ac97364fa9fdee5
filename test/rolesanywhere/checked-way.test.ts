import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { Environment } from '../../src/foundation/process-environment.ts';
import { checkWay } from '../../src/rolesanywhere/checked-way.ts';
import { temporaryFile, tlsFor } from './support.ts';

const SERVICE = new URL('https://rolesanywhere.eu-central-1.amazonaws.com/sessions');
const MISSING = '/nonexistent/ca.pem';

let ca: string;
beforeAll(async () => {
  ({ ca } = await tlsFor('127.0.0.1'));
});

/** `SEVERITY KEY CODE` of each finding. */
async function problems(environment: Environment, caBundle?: string, endpoint = SERVICE): Promise<readonly string[]> {
  const findings = await checkWay(caBundle === undefined ? {} : { caBundle }, endpoint, environment);
  return findings.map(({ severity, path: key, error }) => `${severity} ${key.join('.')} ${error.code}`);
}

it('finds nothing without settings, or with good ones', async () => {
  const file = temporaryFile('ca.pem', ca);
  expect(await problems({})).toEqual([]);
  expect(await problems({}, file)).toEqual([]);
  expect(await problems({ HTTPS_PROXY: 'http://proxy.example:3128', SSL_CERT_FILE: file })).toEqual([]);
  expect(await problems({ SSL_CERT_DIR: path.dirname(file) })).toEqual([]);
});

it('finds an unreadable bundle of the configuration, which is an error', async () => {
  expect(await problems({ SSL_CERT_FILE: MISSING }, MISSING)).toEqual([
    'error rolesAnywhere.caBundle CA_BUNDLE_UNREADABLE',
  ]);
});

it('warns of variables, because the service may have others', async () => {
  expect(await problems({ SSL_CERT_FILE: MISSING })).toEqual(['warning SSL_CERT_FILE CA_BUNDLE_UNREADABLE']);
  expect(await problems({ SSL_CERT_DIR: MISSING })).toEqual(['warning SSL_CERT_DIR CA_BUNDLE_UNREADABLE']);
  expect(await problems({ SSL_CERT_FILE: '', SSL_CERT_DIR: MISSING })).toEqual([
    'warning SSL_CERT_DIR CA_BUNDLE_UNREADABLE',
  ]);
  expect(await problems({ HTTPS_PROXY: 'socks5://proxy.example', SSL_CERT_FILE: MISSING })).toEqual([
    'warning HTTPS_PROXY PROXY_SOCKS_UNSUPPORTED',
    'warning SSL_CERT_FILE CA_BUNDLE_UNREADABLE',
  ]);
});

it('needs no CAs for plain http on this machine', async () => {
  expect(await problems({ SSL_CERT_FILE: MISSING }, MISSING, new URL('http://127.0.0.1:8080/'))).toEqual([]);
});
