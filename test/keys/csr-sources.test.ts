import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { verifiedRequest } from '../support/openssl-request.ts';
import { type Issued, makeAuthority, makeKeys } from '../support/pki.ts';
import { run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';
import { type RunningAgent, startAgent } from './running-agent.ts';
import { hasTokens, PIN, SoftTokens } from './soft-token.ts';

// Requests signed by keys that are not in files. OpenSSL verifies them.

const hasAgent = hasTool('sh', '-c', 'command -v ssh-agent && command -v ssh-add && command -v openssl');
const SUBJECT = ['--subject', 'CN=device-0001,O=Example'];

let workshop: Workshop;
let device: Issued;
let other: Issued;

beforeAll(async () => {
  workshop = await Workshop.open();
  const authority = await makeAuthority();
  device = await authority.issue({ keys: 'P-256' });
  other = await authority.issue({ keys: 'RSA-2048' });
  return workshop.close;
});

/** @returns the public key that the request is for. */
async function requested(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stdout, stderr } = await run(['csr', ...SUBJECT, ...args], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return verifiedRequest(stdout, '-pubkey');
}

const UNKNOWN = makeKeys('P-256').publicKey.export({ format: 'pem', type: 'spki' }) as string;

function publicPem(certificate: string): string {
  return createPublicKey(certificate).export({ format: 'pem', type: 'spki' }) as string;
}

describeWith('ssh-agent and openssl', hasAgent, 'a request by an SSH agent', () => {
  let agent: RunningAgent;
  let environment: Record<string, string>;

  beforeAll(async () => {
    agent = await startAgent();
    environment = { SSH_AUTH_SOCK: agent.socket };
    agent.add(device.privateKey);
    return agent.close;
  });

  test('needs no other information if the agent has one key', async () => {
    expect(await requested(['--private-key', `ssh-agent:${agent.socket}`])).toBe(publicPem(device.certificatePem));
  });

  test('needs to know the key if the agent has several', async () => {
    agent.add(other.privateKey);
    const outcome = await run(['csr', ...SUBJECT, '--private-key', 'ssh-agent:'], { env: environment });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/PUBLIC_KEY_NEEDED: there are 2 keys/);

    const listed = execFileSync('ssh-add', ['-L'], { env: { ...process.env, ...environment }, encoding: 'utf8' });
    const line = listed.split('\n').find((one) => one.startsWith('ssh-rsa')) ?? '';
    for (const content of [line, publicPem(other.certificatePem), other.certificatePem]) {
      const file = await workshop.write('public', content);
      const named = ['--private-key', 'ssh-agent:', '--public-key', file];
      expect(await requested(named, environment)).toBe(publicPem(other.certificatePem));
    }
  });

  test('reports a public key that the agent does not have, or that is invalid', async () => {
    const complaint = async (content: string): Promise<string> => {
      const args = ['--private-key', 'ssh-agent:', '--public-key', await workshop.write('wrong', content)];
      return (await run(['csr', ...SUBJECT, ...args], { env: environment })).stderr;
    };
    expect(await complaint(UNKNOWN)).toMatch(/PUBLIC_KEY_NEEDED: none of the \d keys/);
    expect(await complaint('ssh-rsa AAAA')).toContain('PUBLIC_KEY_UNREADABLE');
    expect(await complaint('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n')).toContain(
      'PUBLIC_KEY_UNREADABLE',
    );
  });
});

describeWith('openssl', hasTool('openssl', 'version'), 'a request by a command', () => {
  test('is for the key of the old certificate, or for the named one', async () => {
    const key = await workshop.write('signing.key', device.keyPem);
    const message = await workshop.write('message', '');
    const lines = [
      '#!/bin/sh',
      `sed 's/.*"message":"\\([^"]*\\)".*/\\1/' | base64 -d >'${message}'`,
      `printf '{"signature":"%s"}' "$(openssl dgst -sha256 -sign '${key}' '${message}' | base64 -w0)"`,
    ];
    const program = await workshop.write('signer', `${lines.join('\n')}\n`);
    await chmod(program, 0o700);
    const config = (certificate: string): Promise<string> =>
      workshop.write(
        'config.yaml',
        `identity: { certificate: ${certificate}, signer: { command: [${program}] } }\n${ROLES}`,
      );
    await workshop.write('device.pem', device.certificatePem);
    expect(await requested(['--config', await config('device.pem')])).toBe(publicPem(device.certificatePem));

    const first = await config('not-yet.pem');
    const outcome = await run(['csr', ...SUBJECT, '--config', first]);
    expect(outcome.stderr).toMatch(/PUBLIC_KEY_NEEDED: .*does not say which key/);
    const named = await workshop.write('public.pem', publicPem(device.certificatePem));
    expect(await requested(['--config', first, '--public-key', named])).toBe(publicPem(device.certificatePem));
  });

  test('that signs with another key is rejected', async () => {
    const program = await workshop.write('wrong', `#!/bin/sh\necho '{"signature":"AAAA"}'\n`);
    await chmod(program, 0o700);
    await workshop.write('device.pem', device.certificatePem);
    const identity = `identity: { certificate: device.pem, signer: { command: [${program}] } }\n`;
    const outcome = await run(['csr', ...SUBJECT, '--config', await workshop.write('wrong.yaml', identity + ROLES)]);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('SIGNATURE_WRONG');
  });
});

describeWith('softhsm2 and opensc', hasTokens(), 'a request by a token', () => {
  const tokens = new SoftTokens();
  beforeAll(() => {
    tokens.addToken('devices');
  });

  test('is for the key that the URI names', async () => {
    tokens.addKey('devices', device, { label: 'device', id: '01' });
    const spki = createPublicKey(device.certificatePem).export({ format: 'der', type: 'spki' });
    tokens.addPublicKey('devices', spki, { label: 'device', id: '01' });
    tokens.addKey('devices', other, { label: 'other', id: '02' });
    const args = ['--passphrase-file', await workshop.write('pin', PIN), '--pkcs11-lib', tokens.module];
    const uri = 'pkcs11:token=devices';
    expect(await requested(['--private-key', `${uri};object=other`, ...args], tokens.environment)).toBe(
      publicPem(other.certificatePem),
    );
    const outcome = await run(['csr', ...SUBJECT, '--private-key', uri, ...args], { env: tokens.environment });
    expect(outcome.stderr).toMatch(/PUBLIC_KEY_NEEDED: there are 2 keys/);
  });

  test('needs the public key if the token has only the private one', async () => {
    const lone = await (await makeAuthority()).issue({ keys: 'P-256' });
    tokens.addKey('devices', lone, { label: 'lone', id: '03' });
    const flags = ['--passphrase-file', await workshop.write('pin', PIN), '--pkcs11-lib', tokens.module];
    const args = ['--private-key', 'pkcs11:token=devices;object=lone', ...flags];
    const outcome = await run(['csr', ...SUBJECT, ...args], { env: tokens.environment });
    expect(outcome.stderr).toMatch(/PUBLIC_KEY_NEEDED: \S+ does not say which key/);
    const named = ['--public-key', await workshop.write('lone.pem', lone.certificatePem)];
    expect(await requested([...args, ...named], tokens.environment)).toBe(publicPem(lone.certificatePem));
  });
});

test('a request takes its key from the configuration or from flags', async () => {
  const both = await run(['csr', ...SUBJECT, '--config', 'config.yaml', '--private-key', 'device.key']);
  expect(both).toMatchObject({ code: 2, stdout: '' });
  expect(both.stderr).toContain('TWO_CONFIGURATIONS');
  const none = await run(['csr', ...SUBJECT]);
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toContain('NO_CONFIGURATION');
  const malformed = await run(['csr', ...SUBJECT, '--private-key', 'pkcs11:token=a;token=b']);
  expect(malformed).toMatchObject({ code: 2, stdout: '' });
  expect(malformed.stderr).toMatch(/--private-key\n +CONFIG_WRONG_VALUE/);
});

const ROLES = `rolesAnywhere:
  trustAnchorArn: arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555
  profileArn: arn:aws:rolesanywhere:eu-central-1:123456789012:profile/66666666-7777-8888-9999-000000000000
roles:
  - roleArn: arn:aws:iam::123456789012:role/Uploader
`;
