import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { makeAuthority } from '../support/pki.ts';
import { type Outcome, run, start } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';
import { ARNS, initialised, REQUIRED, sh } from './setup-folder.ts';

// `init` of the real program, without a terminal.

function expectFailure({ code, stderr }: Outcome, expected: number, message: string | RegExp): void {
  expect(stderr).toMatch(message);
  expect(code).toBe(expected);
}

test.each(['systemd', 'container', 'ci'])(
  '%s: the configuration is accepted with the ARNs, and only then',
  async (place) => {
    const { directory, outcome, read } = await initialised(
      '--ca',
      'new',
      '--region',
      'eu-central-1',
      '--runs-on',
      place,
    );
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const file = path.join(directory, 'config.yaml');
    await expect(loadConfig(file)).rejects.toThrow('3 problems');
    sh(directory, `sh set-arns.sh ${ARNS.toReversed().join(' ')}`);
    const { roles } = await loadConfig(file);
    expect(roles).toMatchObject([{ trustAnchorArn: ARNS[0], profileArn: ARNS[1], roleArn: ARNS[2] }]);
    expect(() => sh(directory, 'sh set-arns.sh arn:aws:s3:::bucket')).toThrow('no ARN of a trust anchor');
    expect(() => sh(directory, 'sh set-arns.sh')).toThrow('no ARN was given');
    sh(directory, `sh set-arns.sh ${ARNS.join(' ')}`);
    expect(() => sh(directory, `sh set-arns.sh ${ARNS[2]}2`)).toThrow('already has another ARN in place of ROLE-ARN');
    for (const name of await readdir(directory))
      if (name.endsWith('.sh')) expect(() => sh(directory, `sh -n ${name}`)).not.toThrow();
    expect(await read('NEXT-STEPS.md')).toContain(`## 2. The machine: ${place}`);
  },
);

describe('--try', () => {
  test('gets a session for the throwaway CA, with all of the conditions', async () => {
    const { directory, outcome } = await initialised(
      ...['--ca', 'new', ...REQUIRED, '--subject', 'CN=device-*,OU=Devices,O=Example'],
      ...['--duration', '7200', '--role', 'uploader', '--try'],
    );
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/granted a session[^]*assumed-role\/uploader\/[0-9a-f]+\n.*CN=device-0001/);
    const policy = ['--trust-policy', 'trust-policy.json', '--trust-anchor-arn', ARNS[0]];
    const tested = async (file: string): Promise<number | null> =>
      (await run(['policy', 'test', ...policy, '--certificate', file], { cwd: directory })).code;
    expect(await tested('device.pem')).toBe(0);
    const authority = await makeAuthority('devices CA');
    for (const subject of ['CN=device-1,OU=Devices,O=Other', 'CN=device-1,O=Example', 'CN=x,OU=Devices,O=Example']) {
      await writeFile(path.join(directory, 'other.pem'), (await authority.issue({ subject })).certificatePem);
      expect([subject, await tested('other.pem')]).toEqual([subject, 1]);
    }
  });

  test('a PKCS#12 file is opened with its passphrase', async () => {
    const workshop = await Workshop.open();
    onTestFinished(workshop.close);
    const root = await makeAuthority('Root CA');
    const leaf = await root.issue({ subject: 'CN=device-0001,O=Example' });
    await workshop.write('pass', 'marked\n');
    sh(
      workshop.directory,
      `printf '%s' '${leaf.certificatePem}' > leaf.pem; printf '%s' '${leaf.keyPem}' > leaf.key
      openssl pkcs12 -export -in leaf.pem -inkey leaf.key -passout file:pass -out device.p12
      chmod 600 device.p12 pass`,
    );
    const given = [
      ...['--ca', 'bundle', '--ca-bundle', await workshop.write('root.pem', root.certificatePem), ...REQUIRED],
      ...['--certificate', path.join(workshop.directory, 'device.p12'), '--try'],
    ];
    expectFailure((await initialised(...given)).outcome, 1, /PASSPHRASE_MISSING.*\n.*--passphrase-file/);
    const { outcome } = await initialised(...given, '--passphrase-file', path.join(workshop.directory, 'pass'));
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/granted a session[^]*CN=device-0001/);
    expect(JSON.stringify(outcome)).not.toContain('marked');
  });

  test('the emulated account grants the first certificate, and refuses one of another unit', async () => {
    const { directory } = await initialised('--ca', 'new', ...REQUIRED, '--subject', 'OU=Devices');
    const workshop = await Workshop.open();
    onTestFinished(workshop.close);
    const emulator = workshop.start([
      ...['emulate', '--dir', path.join(directory, 'emulator'), '--listen', '127.0.0.1:0'],
    ]);
    const [, endpoint = ''] = await emulator.says(/endpoint: (http:\S+)/);
    const account = parse(await readFile(path.join(directory, 'emulator/account.yaml'), 'utf8')) as {
      readonly trustAnchors: readonly [{ readonly arn: string }];
      readonly profiles: readonly [{ readonly arn: string; readonly roleArns: readonly [string] }];
    };
    const session = (): ReturnType<typeof run> =>
      run([
        ...['credential-process', '--no-cache', '--endpoint', endpoint],
        ...['--certificate', path.join(directory, 'device.pem'), '--private-key', path.join(directory, 'device.key')],
        ...['--trust-anchor-arn', account.trustAnchors[0].arn, '--profile-arn', account.profiles[0].arn],
        ...['--role-arn', account.profiles[0].roleArns[0]],
      ]);
    expect(await session()).toMatchObject({ code: 0 });
    await writeFile(
      path.join(directory, 'pki.cnf'),
      'basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n',
    );
    sh(
      directory,
      `openssl req -new -key device.key -subj /OU=Others/CN=device-0001 -out other.csr
      openssl x509 -req -in other.csr -CA trust-anchor.pem -CAkey ca.key -CAcreateserial -extfile pki.cnf -out device.pem`,
    );
    expectFailure(await session(), 1, 'trust policy');
  });

  test('a bundle with intermediates, a certificate and its key; attributes that are no tags are not mapped', async () => {
    const workshop = await Workshop.open();
    onTestFinished(workshop.close);
    const root = await makeAuthority('Root CA');
    const intermediate = await root.subordinate('Issuing CA');
    const leaf = await intermediate.issue({ subject: 'CN=device-0001,O=Example (Test)' });
    const given = [
      ...['--ca', 'bundle', '--ca-bundle', await workshop.write('root.pem', `comment\n${root.certificatePem}`)],
      ...['--certificate', await workshop.write('leaf.pem', leaf.certificatePem + intermediate.certificatePem)],
      ...['--private-key', await workshop.write('leaf.key', leaf.keyPem), ...REQUIRED],
    ];
    const { outcome, read } = await initialised(...given, '--try');
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(await read('trust-anchor.pem')).toBe(root.certificatePem);
    expect(await read('create.sh')).toContain("--certificate-field x509Subject --specifiers '*'");
    expect(await read('cloudformation.yaml')).toMatch(
      /CertificateField: x509Subject\n +MappingRules:\n +- Specifier: CN\n/,
    );
    expect(await read('emulator/account.yaml')).toMatch(/x509Subject:\n +- CN\n/);
  });

  test('needs a certificate', async () => {
    const { outcome, directory } = await initialised('--ca', 'vault', ...REQUIRED, '--try');
    expectFailure(outcome, 2, 'SETUP_CANNOT_TRY');
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('files', () => {
  test('the emulator, run with the account, names no files that are not there', async () => {
    const { directory } = await initialised('--ca', 'new', ...REQUIRED);
    const emulator = start(['emulate', '--dir', 'emulator', '--listen', '127.0.0.1:0'], { cwd: directory });
    onTestFinished(async () => {
      await emulator.stop();
    });
    await emulator.says(/roleArn/);
    expect(emulator.stdout).toContain('certificate: CERTIFICATE # of the CA in trustAnchors');
  });

  test('nothing is replaced without --force, and never a private key', async () => {
    const { directory, read } = await initialised('--ca', 'vault', ...REQUIRED);
    const again = (...args: string[]): ReturnType<typeof run> =>
      run(['init', ...REQUIRED, ...args], { cwd: directory });
    await writeFile(path.join(directory, 'main.tf'), 'mine');
    expectFailure(await again('--ca', 'vault'), 2, /SETUP_FILE_EXISTS: .*NEXT-STEPS.md.*main.tf/);
    expect(await read('main.tf')).toBe('mine');
    expect(await again('--ca', 'vault', '--force')).toMatchObject({ code: 0 });
    expect(await read('main.tf')).toContain('awscc');
    expect(await again('--ca', 'new', '--force')).toMatchObject({ code: 0 });
    const key = await read('ca.key');
    expectFailure(await again('--ca', 'new', '--force'), 2, /ca\.key[^]*move those away first/);
    expect(await read('ca.key')).toBe(key);
    expect((await stat(path.join(directory, 'device.key'))).mode & 0o777).toBe(0o600);
  });

  test('a link in place of a file is not followed', async () => {
    const { directory, read } = await initialised('--ca', 'vault', ...REQUIRED);
    sh(directory, 'rm main.tf; echo mine > elsewhere; ln -s elsewhere main.tf');
    const { code } = await run(['init', ...REQUIRED, '--ca', 'vault', '--force'], { cwd: directory });
    expect([code, await read('elsewhere')]).toEqual([0, 'mine\n']);
  });

  test('--json prints the model and what was granted, without a private key', async () => {
    const { outcome } = await initialised('--ca', 'new', ...REQUIRED, '--try', '--json');
    const { setup, files, grant } = JSON.parse(outcome.stdout) as { setup: unknown; files: string[]; grant: unknown };
    expect(grant).toMatchObject({
      sourceIdentity: 'CN=device-0001',
      assumedRoleArn: expect.stringContaining('devices') as string,
    });
    expect(setup).toMatchObject({ name: 'devices', region: 'eu-central-1', profile: { durationSeconds: 3600 } });
    expect(files).toContain('device.key');
    expect(outcome.stdout).not.toContain('PRIVATE KEY');
  });
});

test('a subject of any text is a warning', async () => {
  const narrow = await initialised('--ca', 'new', ...REQUIRED, '--subject', 'CN=*,OU=Devices');
  expect(narrow.outcome.stdout).toMatch(/^Every certificate/);
  const wide = await initialised('--ca', 'new', ...REQUIRED, '--subject', 'CN=*');
  expect(wide.outcome.stdout).toMatch(/^warning: .* that is every certificate of the trust anchor/);
});

test('a slash or plus in a subject adds no attribute to the certificate that the recipe of ACM PCA requests', async () => {
  const arn = 'arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/11111111-2222-4333-8444-555555555555';
  const ca = ['--ca', 'acm-pca', '--acm-pca-arn', arn];
  const { directory, read } = await initialised(...ca, ...REQUIRED, '--subject', 'CN=x/O=Admin\\+OU=Root');
  const [request = ''] = /^openssl req [^]*?-subj .*$/m.exec(await read('ca.sh')) ?? [];
  sh(directory, request);
  const subject = sh(directory, 'openssl req -in device.csr -noout -subject -nameopt RFC2253');
  expect(subject.trim()).toBe('subject=CN=x/O=Admin\\+OU=Root');
});

test('a file that is no revocation list is rejected', async () => {
  const workshop = await Workshop.open();
  onTestFinished(workshop.close);
  const { certificatePem } = await makeAuthority();
  const begin = '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n';
  for (const [name, content] of [
    ['ca.pem', certificatePem],
    ['cut.pem', begin],
    ['text.der', '0not DER'],
  ] as const) {
    const crl = await workshop.write(name, content);
    const { outcome, directory } = await initialised('--ca', 'vault', ...REQUIRED, '--crl', crl);
    expectFailure(outcome, 2, /SETUP_ANSWER_WRONG: --crl .* revocation list/);
    expect(await readdir(directory)).toEqual([]);
  }
});

const NO_TAG = /SETUP_ANSWER_WRONG: --subject: no session tag can have/;
const NO_TEXT = /SETUP_ANSWER_WRONG: --subject: .* is more than a text for the CLI of/;

test.each([
  [[], /SETUP_ANSWER_MISSING: missing: --ca, --runs-on, --region/],
  [['--ca', 'bundle'], /SETUP_ANSWER_MISSING: missing: --ca-bundle, --runs-on, --subject, --region/],
  [['--ca', 'new', ...REQUIRED, '--name', 'a b'], /SETUP_ANSWER_WRONG: --name a b/],
  [['--ca', 'new', ...REQUIRED, '--duration', '899'], /--duration 899: Seconds/],
  [['--ca', 'new', ...REQUIRED, '--region', '$(id)'], /--region \$\(id\)/],
  [['--ca', 'acm-pca', ...REQUIRED, '--acm-pca-arn', 'x'], /--acm-pca-arn x/],
  [['--ca', 'step-ca', ...REQUIRED, '--subject', 'OU=Devices'], /SETUP_ANSWER_WRONG: --subject has OU/],
  [['--ca', 'nobody', ...REQUIRED], /argument 'nobody' is invalid/],
  [['--ca', 'new', ...REQUIRED, '--subject', 'Devices'], /CSR_|SUBJECT/],
  // Text that is more than text: in policies, in Markdown and YAML, on the command lines of Vault and step.
  [['--ca', 'new', ...REQUIRED, '--subject', 'CN=${aws:PrincipalTag/x509Subject/CN}'], NO_TAG],
  [['--ca', 'new', ...REQUIRED, '--subject', 'CN=a?b'], NO_TAG],
  [['--ca', 'new', ...REQUIRED, '--subject', 'CN=x\\0A```sh\\0Aid\\0A```'], NO_TAG],
  [['--ca', 'vault', ...REQUIRED, '--subject', "CN=x'$(id)"], NO_TAG],
  [['--ca', 'vault', ...REQUIRED, '--subject', 'CN=@/etc/shadow'], NO_TEXT],
  [['--ca', 'vault', ...REQUIRED, '--subject', 'CN=device-*,O=@/etc/shadow'], NO_TEXT],
  [['--ca', 'vault', ...REQUIRED, '--subject', 'CN=-'], NO_TEXT],
  [['--ca', 'step-ca', ...REQUIRED, '--subject', 'CN=--offline'], NO_TEXT],
])('%j is rejected, and nothing is written', async (args, message) => {
  const { outcome, directory } = await initialised(...args);
  expect(outcome.stderr).toMatch(message);
  expect(outcome.code).toBeGreaterThan(0);
  expect(await readdir(directory)).toEqual([]);
});

test('a certificate of another CA than the bundle is rejected before a file is written', async () => {
  const workshop = await Workshop.open();
  onTestFinished(workshop.close);
  const [ours, theirs] = await Promise.all([makeAuthority('Our CA'), makeAuthority('Their CA')]);
  const bundle = await workshop.write('ours.pem', ours.certificatePem);
  const leaf = await workshop.write('leaf.pem', (await theirs.issue()).certificatePem);
  const given = ['--ca', 'bundle', '--ca-bundle', bundle, '--certificate', leaf, ...REQUIRED];
  const { outcome, directory } = await initialised(...given);
  expectFailure(outcome, 2, 'SETUP_CERTIFICATE_UNRELATED');
  expect(await readdir(directory)).toEqual([]);
  const inJson = await initialised(...given, '--json');
  expect(JSON.parse(inJson.outcome.stderr)).toMatchObject({ code: 'SETUP_CERTIFICATE_UNRELATED' });
});

test('a bundle without a CA is rejected', async () => {
  const workshop = await Workshop.open();
  onTestFinished(workshop.close);
  const leaf = await workshop.write('leaf.pem', (await (await makeAuthority()).issue()).certificatePem);
  const { outcome } = await initialised('--ca', 'bundle', '--ca-bundle', leaf, '--subject', 'OU=Devices', ...REQUIRED);
  expectFailure(outcome, 2, 'SETUP_BUNDLE_UNUSABLE');
});
