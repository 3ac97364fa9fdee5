import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

describeWith('OpenSSL', hasTool('openssl', 'version'), 'csr', () => {
  test('prints a request that OpenSSL verifies', async () => {
    const key = await workshop.write('device.key', privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
    const names = ['--san', 'dns:device-0001.example.com', '--san', '192.0.2.7'];
    const outcome = await run(['csr', '--private-key', key, '--subject', 'CN=device-0001,O=Example', ...names]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const shown = execFileSync('openssl', ['req', '-verify', '-noout', '-text', '-pubkey', '-nameopt', 'RFC2253'], {
      input: outcome.stdout,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    expect(shown).toContain('Subject: CN=device-0001,O=Example\n');
    expect(shown).toContain('DNS:device-0001.example.com, IP Address:192.0.2.7\n');
    expect(shown).toContain(publicKey.export({ format: 'pem', type: 'spki' }));
  });

  test('reads an encrypted key with its passphrase', async () => {
    const encrypted = { format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'geheim' } as const;
    const key = await workshop.write('encrypted.key', privateKey.export(encrypted).toString());
    const file = await workshop.write('passphrase', 'geheim\n');
    const args = ['csr', '--private-key', key, '--subject', 'CN=x'];
    const outcomes = [
      await run([...args, '--passphrase-file', file]),
      await run([...args, '--passphrase-env', 'KEY_WORD'], { env: { KEY_WORD: 'geheim' } }),
      await run(args),
    ];
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 1]);
    expect(outcomes[2]?.stderr).toContain('PASSPHRASE_MISSING');
  });
});

test('csr rejects a key that others can read', async () => {
  const key = await workshop.write('open.key', privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  await chmod(key, 0o644);
  const args = ['csr', '--private-key', key, '--subject', 'CN=x'];
  expect((await run(args)).stderr).toContain('KEY_FILE_EXPOSED');
  expect(await run([...args, '--allow-readable-key'])).toMatchObject({ code: 0, stderr: '' });
});

test('csr rejects an invalid subject before it reads the key', async () => {
  const outcome = await run(['csr', '--private-key', '/nowhere/device.key', '--subject', 'device-0001']);
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain('SUBJECT_MALFORMED');
});
