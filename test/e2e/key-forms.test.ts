import { execFileSync } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Outcome, run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

// The real program with keys and certificates from OpenSSL, up to a session from the emulator.
// test/identity/openssl-key-forms.test.ts tests every form with every key; this tests the whole
// way.

const PASSPHRASE = 'marked-passphrase';

/**
 * Forms of one leaf's key: files written by the shell lines, then the flags that name them. `$K` is
 * the kind of key.
 */
const FORMS: Readonly<Record<string, { readonly make: string; readonly flags: readonly string[] }>> = {
  'PKCS#8, full chain in one file': {
    make: 'cat $K.pem intermediate-ca.pem root-ca.pem > chain.pem',
    flags: ['--certificate', 'chain.pem', '--private-key', '$K.key'],
  },
  'leaf and intermediates apart': {
    make: 'true',
    flags: ['--certificate', '$K.pem', '--intermediates', 'intermediate-ca.pem', '--private-key', '$K.key'],
  },
  'key, chain and leaf in one file, in any order': {
    make: 'cat $K.key root-ca.pem intermediate-ca.pem $K.pem > all.pem',
    flags: ['--certificate', 'all.pem'],
  },
  'DER certificate and DER key': {
    make: 'openssl x509 -in $K.pem -outform DER -out leaf.der && openssl pkcs8 -topk8 -nocrypt -in $K.key -outform DER -out key.der',
    flags: ['--certificate', 'leaf.der', '--intermediates', 'intermediate-ca.pem', '--private-key', 'key.der'],
  },
  'PKCS#1 or SEC1': {
    make: 'openssl pkey -traditional -in $K.key -out traditional.key',
    flags: ['--certificate', '$K.pem', '--intermediates', 'intermediate-ca.pem', '--private-key', 'traditional.key'],
  },
  'encrypted PKCS#8': {
    make: 'openssl pkcs8 -topk8 -v2 aes-256-cbc -in $K.key -passout file:pass -out encrypted.key',
    flags: [
      ...['--certificate', '$K.pem', '--intermediates', 'intermediate-ca.pem', '--private-key', 'encrypted.key'],
      ...['--passphrase-file', 'pass'],
    ],
  },
  'PKCS#8 encrypted with scrypt': {
    make: 'openssl pkcs8 -topk8 -scrypt -in $K.key -passout file:pass -out scrypt.key',
    flags: [
      ...['--certificate', '$K.pem', '--intermediates', 'intermediate-ca.pem', '--private-key', 'scrypt.key'],
      ...['--passphrase-env', 'KEY_PASSPHRASE'],
    ],
  },
  'PKCS#12 as OpenSSL 3 writes it': {
    make: 'openssl pkcs12 -export -in $K.pem -inkey $K.key -certfile intermediate-ca.pem -passout file:pass -out device.p12',
    flags: ['--certificate', 'device.p12', '--passphrase-file', 'pass'],
  },
  'PKCS#12 with 3DES and SHA-1': {
    make: 'openssl pkcs12 -export -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg SHA1 -in $K.pem -inkey $K.key -certfile intermediate-ca.pem -passout file:pass -out old.p12',
    flags: ['--certificate', 'old.p12', '--passphrase-file', 'pass'],
  },
};

const KINDS: Readonly<Record<string, string>> = {
  'rsa-2048': '-algorithm RSA -pkeyopt rsa_keygen_bits:2048',
  'rsa-3072': '-algorithm RSA -pkeyopt rsa_keygen_bits:3072',
  'rsa-4096': '-algorithm RSA -pkeyopt rsa_keygen_bits:4096',
  'p-256': '-algorithm EC -pkeyopt ec_paramgen_curve:P-256',
  'p-384': '-algorithm EC -pkeyopt ec_paramgen_curve:P-384',
  'p-521': '-algorithm EC -pkeyopt ec_paramgen_curve:P-521',
};

const isThere = hasTool('openssl', 'version') && process.platform !== 'win32';

describeWith('openssl', isThere, 'from a file to a session', () => {
  let workshop: Workshop;
  let emulator: RunningEmulator;

  const shell = (script: string): void => {
    execFileSync('/bin/sh', ['-euc', `umask 077; ${script}`], { cwd: emulator.directory, stdio: 'pipe' });
  };

  const session = async (flags: readonly string[]): Promise<Outcome> => {
    const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
    return run(
      [
        'credential-process',
        '--no-cache',
        ...flags,
        ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
        ...['--role-arn', value('roleArn'), '--endpoint', emulator.url],
      ],
      { cwd: emulator.directory, env: { KEY_PASSPHRASE: PASSPHRASE } },
    );
  };

  const issue = (kind: string): void => {
    const extensions = 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature';
    shell(`
      openssl genpkey ${KINDS[kind] ?? ''} -out ${kind}.key
      openssl req -new -key ${kind}.key -subj '/O=Example/OU=Devices/CN=device-${kind}' -out ${kind}.csr
      printf '${extensions}' > ${kind}.ext
      openssl x509 -req -sha256 -days 5 -in ${kind}.csr -CA intermediate-ca.pem -CAkey intermediate-ca.key -CAcreateserial -extfile ${kind}.ext -out ${kind}.pem
    `);
  };

  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    await writeFile(path.join(emulator.directory, 'pass'), `${PASSPHRASE}\n`, { mode: 0o600 });
    for (const kind of Object.keys(KINDS)) issue(kind);
    return workshop.close;
  });

  const isGranted = (outcome: Outcome): void => {
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      Version: 1,
      AccessKeyId: expect.stringMatching(/^ASIA/) as string,
    });
  };

  test.each(Object.keys(KINDS))('%s with its chain', async (kind) => {
    isGranted(
      await session([
        '--certificate',
        `${kind}.pem`,
        '--intermediates',
        'intermediate-ca.pem',
        '--private-key',
        `${kind}.key`,
      ]),
    );
  });

  const pairs = Object.keys(FORMS).flatMap((form) => ['rsa-2048', 'p-256'].map((kind) => ({ form, kind })));
  test.each(pairs)('$kind: $form', async ({ form, kind }) => {
    const { make, flags } = FORMS[form] ?? { make: 'false', flags: [] };
    shell(make.replaceAll('$K', kind));
    isGranted(await session(flags.map((flag) => flag.replaceAll('$K', kind))));
  });

  test('policy show opens PKCS#12 with the passphrase of the configuration', async () => {
    shell(`openssl pkcs12 -export -in p-256.pem -inkey p-256.key -passout file:pass -out shown.p12`);
    const config = emulator.config.replace(
      /^ {2}certificate: .*\n {2}privateKey: .*$/m,
      '  certificate: shown.p12\n  passphrase: { file: pass }',
    );
    await writeFile(path.join(emulator.directory, 'shown.yaml'), config);
    const outcome = await run(['policy', 'show', '--config', 'shown.yaml'], { cwd: emulator.directory });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain('CN=device-p-256');
  });

  test('without its intermediate, the certificate is refused with a reason', async () => {
    const outcome = await session(['--certificate', 'p-256.pem', '--private-key', 'p-256.key']);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('RA_UNTRUSTED_SIGNING_CERTIFICATE');
  });

  test('a key that others can read is rejected, unless allowed', async () => {
    await writeFile(
      path.join(emulator.directory, 'open.key'),
      await readFile(path.join(emulator.directory, 'p-256.key')),
    );
    await chmod(path.join(emulator.directory, 'open.key'), 0o644);
    const flags = ['--certificate', 'p-256.pem', '--intermediates', 'intermediate-ca.pem', '--private-key', 'open.key'];
    expect((await session(flags)).stderr).toContain('KEY_FILE_EXPOSED');
    isGranted(await session([...flags, '--allow-readable-key']));
  });

  test('a wrong passphrase is reported, and not repeated', async () => {
    await writeFile(path.join(emulator.directory, 'wrong'), 'marked-wrong-passphrase', { mode: 0o600 });
    shell('openssl pkcs8 -topk8 -v2 aes-256-cbc -in p-256.key -passout file:pass -out e.key');
    const outcome = await session([
      '--certificate',
      'p-256.pem',
      '--private-key',
      'e.key',
      '--passphrase-file',
      'wrong',
    ]);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('PASSPHRASE_WRONG');
    expect(outcome.stderr).not.toContain('marked');
  });
});
