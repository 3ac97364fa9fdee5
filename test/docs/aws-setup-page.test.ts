import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { createAccount, type CreatedAccount } from '../../src/emulator/account/new-account.ts';
import { type Outcome, run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

// Runs docs/aws-setup.md: its OpenSSL lines, and its trust policy at the emulator.

const PAGE = path.resolve(import.meta.dirname, '../../docs/aws-setup.md');

describeWith('openssl', hasTool('openssl', 'version'), 'the page about AWS and the CA', () => {
  let workshop: Workshop;
  let account: CreatedAccount;
  let endpoint: string;

  const sh = (script: string): void => {
    execFileSync('sh', ['-e', '-c', script], { cwd: workshop.directory, stdio: 'pipe' });
  };
  const file = (name: string): string => path.join(workshop.directory, name);
  const session = (certificate: string, privateKey = 'device.key'): Promise<Outcome> =>
    run([
      'credential-process',
      ...['--certificate', file(certificate), '--private-key', file(privateKey), '--endpoint', endpoint, '--no-cache'],
      ...['--trust-anchor-arn', account.trustAnchorArn, '--profile-arn', account.profileArn],
      ...['--role-arn', account.roleArn],
    ]);

  beforeAll(async () => {
    workshop = await Workshop.open();
    const page = await readFile(PAGE, 'utf8');
    const [, openssl = ''] = /^## A CA and a certificate with OpenSSL$(.*?)^## /ms.exec(page) ?? [];
    sh([...openssl.matchAll(/^```sh$(.*?)^```$/gms)].map(([, lines]) => lines).join(''));

    account = await createAccount(file('account'));
    await writeFile(file('account/root-ca.pem'), await readFile(file('ca.pem')));
    const [, policy = ''] = /^```json$(.*?)^```$/ms.exec(page) ?? [];
    const written = parse(await readFile(account.accountFile, 'utf8')) as { roles: [{ trustPolicy: unknown }] };
    written.roles[0].trustPolicy = JSON.parse(policy.replace('TRUST-ANCHOR-ARN', account.trustAnchorArn));
    await writeFile(account.accountFile, stringify(written));

    const emulator = workshop.start(['emulate', '--dir', file('account'), '--listen', '127.0.0.1:0']);
    [, endpoint = ''] = await emulator.says(/endpoint: (http:\S+)/);
    return workshop.close;
  });

  test('its certificate gets a session under its trust policy', async () => {
    const { code, stdout } = await session('device.pem');
    expect(JSON.parse(stdout)).toMatchObject({ Version: 1 });
    expect(code).toBe(0);
  });

  test('its trust policy rejects a certificate of another unit', async () => {
    sh(`openssl req -new -key device.key -subj "/O=Example/OU=Others/CN=device-0001" -config pki.cnf -out other.csr
      openssl x509 -req -in other.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile pki.cnf \
        -extensions device -out other.pem`);
    const { code, stderr } = await session('other.pem');
    expect(stderr).toContain('trust policy');
    expect(code).toBe(1);
  });

  test('the obvious command makes a certificate that is rejected before any call', async () => {
    sh('openssl x509 -req -in device.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out obvious.pem');
    const { code, stderr } = await session('obvious.pem');
    expect(stderr).toMatch(/CERTIFICATE_NOT_V3|CERTIFICATE_\w*USAGE/);
    expect(code).toBe(1);
  });
});
