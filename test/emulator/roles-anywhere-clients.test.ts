import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/foundation/clock.ts';
import { type KeyKind, makeAuthority } from '../support/pki.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { ANCHOR_ARN, Emulated, PROFILE_ARN, ROLE_ARN } from './support/emulated.ts';

// Third-party clients at the emulator: they must succeed, and with one bit changed on the way they
// must fail.

/** A TLS front, because the Python package requires TLS. It can change what passes through. */
async function tlsFront(
  port: number,
  material: { cert: string; key: string },
  change: (sent: string) => string,
): Promise<Server> {
  const server = createServer(material, (client) => {
    const upstream = connect(port, '127.0.0.1');
    client.on('data', (chunk: Buffer) => upstream.write(change(chunk.toString('latin1')), 'latin1'));
    upstream.pipe(client);
    client.on('close', () => upstream.destroy()).on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const PROGRAM = `
import json, os
from iam_rolesanywhere_session import IAMRolesAnywhereSession
asked = json.loads(os.environ['ASKED'])
session = IAMRolesAnywhereSession(**asked).get_session()
print(session.client('sts', endpoint_url=os.environ['STS'], region_name='us-east-1').get_caller_identity()['Arn'])
`;

const isInstalled = hasTool('python3', '-c', 'import iam_rolesanywhere_session');

describeWith('python3 with iam-rolesanywhere-session', isInstalled, "AWS's package for Python", () => {
  let emulated: Emulated;
  let directory: string;
  let front: Server;
  let change = (sent: string): string => sent;

  beforeAll(async () => {
    emulated = await Emulated.start({}, { clock: systemClock });
    directory = await mkdtemp(path.join(tmpdir(), 'roles-anywhere-'));
    const web = await makeAuthority('Web');
    const site = await web.issue({ subject: 'CN=127.0.0.1', alternativeNames: [{ type: 'ip', value: '127.0.0.1' }] });
    await writeFile(path.join(directory, 'web.pem'), web.certificatePem);
    const material = { cert: site.certificatePem, key: site.keyPem };
    front = await tlsFront(emulated.port, material, (sent) => change(sent));
  });

  afterAll(async () => {
    front.close();
    await emulated.stop();
    await rm(directory, { recursive: true });
  });

  async function write(name: string, text: string): Promise<string> {
    const file = path.join(directory, name);
    await writeFile(file, text);
    return file;
  }

  async function arnSeenWith(keys: KeyKind, more: object = {}): Promise<string> {
    const intermediate = await emulated.authority.subordinate('Intermediate');
    const leaf = await intermediate.issue({ keys, serial: '5a02' });
    const asked = {
      profile_arn: PROFILE_ARN,
      role_arn: ROLE_ARN,
      trust_anchor_arn: ANCHOR_ARN,
      certificate: await write('leaf.pem', leaf.certificatePem),
      private_key: await write('leaf.key', leaf.keyPem),
      certificate_chain: await write('chain.pem', intermediate.certificatePem),
      region: 'eu-central-1',
      endpoint: `127.0.0.1:${(front.address() as AddressInfo).port}`,
      verify: path.join(directory, 'web.pem'),
      ...more,
    };
    return python(asked);
  }

  function python(asked: object): Promise<string> {
    const env = { PATH: process.env['PATH'], HOME: directory, ASKED: JSON.stringify(asked), STS: emulated.url };
    return new Promise((resolve, reject) => {
      execFile('python3', ['-c', PROGRAM], { env, timeout: 60_000 }, (error, stdout, stderr) => {
        if (error) reject(new Error(stderr));
        else resolve(stdout.trim());
      });
    });
  }

  test.each<KeyKind>(['RSA-2048', 'P-256', 'P-384', 'P-521'])('succeeds with %s', async (keys) => {
    change = (sent) => sent;
    expect(await arnSeenWith(keys)).toBe('arn:aws:sts::111122223333:assumed-role/device/5a02');
  });

  test('sees the message of a refusal', async () => {
    change = (sent) => sent;
    const refused = arnSeenWith('P-256', { role_session_name: 'mine' });
    await expect(refused).rejects.toThrow('Not authorized to set roleSessionName');
  });

  test.each<[string, (sent: string) => string]>([
    ['body', (sent) => sent.replace('"durationSeconds": 3600', '"durationSeconds": 3601')],
    [
      'date',
      (sent) =>
        sent.replace(/(x-amz-date: .*)(\d)Z/i, (_, start: string, digit: string) => `${start}${Number(digit) ^ 1}Z`),
    ],
    [
      'serial number',
      (sent) =>
        sent.replace(
          /Credential=(\d+)(\d)\//,
          (_, start: string, digit: string) => `Credential=${start}${Number(digit) ^ 1}/`,
        ),
    ],
    ['path', (sent) => sent.replace('POST /sessions', 'POST /rolesanywhere/sessions')],
  ])('fails with another %s', async (_, altered) => {
    let changes = 0;
    change = (sent) => {
      const result = altered(sent);
      changes += Number(result !== sent);
      return result;
    };
    await expect(arnSeenWith('P-256')).rejects.toThrow('Invalid signature');
    expect(changes).toBeGreaterThan(0);
  });
});
