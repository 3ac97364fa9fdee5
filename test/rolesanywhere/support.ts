import { createHash, generateKeyPairSync, randomUUID, webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { x509 } from '../../src/emulator/account/x509.ts';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import type { RoleTarget } from '../../src/rolesanywhere/role-target.ts';
import type { HttpAnswer } from '../../src/rolesanywhere/send.ts';

export const NOW = Date.parse('2026-11-22T12:00:00Z');

export const target: RoleTarget = {
  trustAnchorArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555',
  profileArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/66666666-7777-8888-9999-000000000000',
  roleArn: 'arn:aws:iam::123456789012:role/Demo',
  sessionDuration: 3600,
};

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** Really signs, with a placeholder certificate. RSA, so that equal requests yield equal bytes. */
export const identity: SigningIdentity = {
  certificate: Buffer.from('a certificate'),
  chain: [Buffer.from('an intermediate')],
  algorithm: 'AWS4-X509-RSA-SHA256',
  serial: '291',
  subject: 'CN=test',
  issuer: 'CN=test CA',
  notBefore: NOW - 86_400_000,
  notAfter: NOW + 86_400_000,
  fingerprint: createHash('sha256').update('a certificate').digest('hex'),
  key: { kind: 'file', privateKey },
};

export const SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
export const SESSION_TOKEN = 'IQoJb3JpZ2luX2VjEXAMPLETOKEN==';

export function grantedBody(expiration: string): Record<string, unknown> {
  return {
    credentialSet: [
      {
        assumedRoleUser: { arn: 'arn:aws:sts::123456789012:assumed-role/Demo/0123', assumedRoleId: 'AROAEXAMPLE:0123' },
        credentials: {
          accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
          secretAccessKey: SECRET_ACCESS_KEY,
          sessionToken: SESSION_TOKEN,
          expiration,
        },
        packedPolicySize: 10,
        roleArn: target.roleArn,
        sourceIdentity: 'CN=test',
      },
    ],
    subjectArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:subject/99999999-8888-7777-6666-555555555555',
  };
}

export function granted(expiration = '2026-11-22T13:00:00Z'): HttpAnswer {
  return { status: 201, headers: { 'x-amzn-requestid': 'request-1' }, body: JSON.stringify(grantedBody(expiration)) };
}

export function refused(message: string, headers: Record<string, string> = {}, status = 403): HttpAnswer {
  const common = { 'x-amzn-requestid': 'request-1', 'x-amzn-errortype': 'AccessDeniedException:http://aws/' };
  return { status, headers: { ...common, ...headers }, body: JSON.stringify({ message }) };
}

/** Listens on loopback until the end of the test. Resolves to the port. */
export async function listening(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A file that exists until the end of the test. */
export function temporaryFile(name: string, content: string | Buffer): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'rolesanywhere-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  writeFileSync(path.join(directory, name), content);
  return path.join(directory, name);
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * A proxy that supports only CONNECT and connects every tunnel to the same port, so no name must
 * resolve.
 */
export function connectProxy(
  toPort: number,
  server: http.Server = http.createServer((_, response) => response.writeHead(405).end()),
): {
  server: http.Server;
  tunnels: string[];
  authorizations: (string | undefined)[];
} {
  const tunnels: string[] = [];
  const authorizations: (string | undefined)[] = [];
  server.on('connect', (request, client: net.Socket) => {
    tunnels.push(request.url ?? '');
    authorizations.push(request.headers['proxy-authorization']);
    const upstream = net.connect(toPort, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
  });
  return { server, tunnels, authorizations };
}

export interface TlsFiles {
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

/** Creates a CA and a server certificate for one name. */
export async function tlsFor(
  name: string,
  { subject = 'CN=server', ...dates }: { subject?: string; notBefore?: Date; notAfter?: Date } = {},
): Promise<TlsFiles> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
    webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const [caKeys, keys] = await Promise.all([newKeys(), newKeys()]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=test CA ${randomUUID()}`,
    keys: caKeys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const cert = await x509.X509CertificateGenerator.create({
    subject,
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: algorithm,
    ...dates,
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: net.isIP(name) === 0 ? 'dns' : 'ip', value: name }]),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    ca: ca.toString('pem'),
    cert: cert.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
  };
}
