import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { authorityFrom, type Issued, pairFrom } from '../support/pki.ts';
import { eventually, type Outcome, run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';
import { hasTokens, PIN, SoftTokens } from './soft-token.ts';

// The program as it is shipped, with the key of the emulator's device on a token, each time to a session that was granted.

describeWith('softhsm2 and opensc', hasTokens(), 'the program with a token', () => {
  const tokens = new SoftTokens();
  const environment = { SOFTHSM2_CONF: tokens.environment['SOFTHSM2_CONF'] ?? '', HOME: tokens.directory };
  let workshop: Workshop;
  let emulator: RunningEmulator;
  let pinFile: string;

  beforeAll(async () => {
    workshop = await Workshop.open(environment);
    emulator = await workshop.emulator();
    const read = (name: string): Promise<string> => readFile(path.join(emulator.directory, name), 'utf8');
    tokens.addToken('ra');
    tokens.addKey('ra', { keyPem: await read('device.key') }, { label: 'device', id: '07' });
    for (const [name, id] of [
      ['device', '07'],
      ['intermediate-ca', '08'],
    ] as const) {
      const certificateDer = new X509Certificate(await read(`${name}.pem`)).raw;
      tokens.addCertificate('ra', { certificateDer }, { label: name, id });
    }
    pinFile = await workshop.write('pin', `${PIN}\n`);
    return workshop.close;
  });

  /** The configuration of the emulator with another identity. */
  function configured(identity: string): string {
    const text = emulator.config.replace(
      /^ {2}certificate: .*\n {2}privateKey: .*$/m,
      identity.replaceAll(/^/gm, '  '),
    );
    expect(text).toContain(identity.split('\n')[0]);
    return text;
  }

  const onToken = (): string =>
    [
      'certificate: pkcs11:token=ra;object=device',
      `passphrase: { file: ${pinFile} }`,
      `pkcs11: { module: ${tokens.module} }`,
    ].join('\n');

  test('serves a session whose certificate, chain and key are on the token', async () => {
    const { url, program } = await workshop.daemon(onFreePort(configured(onToken())));
    await eventually('a session', 20_000, async () => (await readCredentials(url)).document);
    expect(program.stderr).toContain('"intermediates":1');
  });

  test('policy show reads the certificate from the token', async () => {
    const file = await workshop.write('seen.yaml', configured(onToken()));
    const { code, stdout } = await run(['policy', 'show', '--config', file], { env: environment });
    expect(stdout).toContain('sts:SourceIdentity');
    expect(code).toBe(0);
  });

  test('check-config signs once and names the key', async () => {
    const file = await workshop.write('good.yaml', configured(onToken()));
    const { code, stdout } = await run(['check-config', file], { env: environment });
    expect(stdout).toContain('pkcs11:token=ra;object=device, which has signed and was verified');
    expect(code).toBe(0);
  });

  test.each<[string, (names: { certificate: string; pin: string }) => string, RegExp]>([
    [
      'a token that is not there',
      () => 'certificate: pkcs11:token=other',
      /identity\.certificate\n +PKCS11_TOKEN_NOT_FOUND.*"ra"/,
    ],
    [
      'no certificate of that name',
      () => 'certificate: pkcs11:token=ra;object=x',
      /certificate\n +PKCS11_CERTIFICATE_NOT/,
    ],
    [
      'no key of that name',
      ({ certificate, pin }) =>
        `certificate: ${certificate}\nprivateKey: pkcs11:token=ra;object=x?pin-source=file:${pin}`,
      /identity\.privateKey\n +PKCS11_KEY_NOT_FOUND.*none of the 1 private keys/,
    ],
    [
      'no PIN',
      ({ certificate }) => `certificate: ${certificate}\nprivateKey: pkcs11:token=ra`,
      /privateKey\n +PKCS11_PIN_MISSING/,
    ],
    [
      'a module that is not there',
      ({ certificate, pin }) =>
        `certificate: ${certificate}\nprivateKey: pkcs11:token=ra?module-path=/nowhere.so&pin-source=${pin}`,
      /identity\.privateKey\n +PKCS11_MODULE_UNUSABLE/,
    ],
    [
      'a file that is no module',
      ({ certificate, pin }) =>
        `certificate: ${certificate}\nprivateKey: pkcs11:token=ra?module-path=${certificate}&pin-source=${pin}`,
      /identity\.privateKey\n +PKCS11_MODULE_UNUSABLE/,
    ],
  ])('check-config reports %s at its key', async (_, identity, expected) => {
    const certificate = path.join(emulator.directory, 'device.pem');
    const named = `${identity({ certificate, pin: pinFile })}\npkcs11: { module: ${tokens.module} }`;
    const { code, stderr } = await run(['check-config', await workshop.write('bad.yaml', configured(named))], {
      env: environment,
    });
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
  });

  test('a module that others can change is not loaded', async () => {
    const copy = path.join(tokens.directory, 'module.so');
    await copyFile(tokens.module, copy);
    await chmod(copy, 0o777);
    const file = await workshop.write('open.yaml', configured(onToken().replace(tokens.module, copy)));
    const { code, stderr } = await run(['credential-process', '--config', file], { env: environment });
    expect(stderr).toMatch(/^imds-anywhere: FILE_\w+: .*module\.so/);
    expect(code).toBe(1);
  });

  describe('with an earlier certificate of its key', () => {
    const names = ['token=twice', 'token=twice;object=device'] as const;

    beforeAll(async () => {
      const read = (name: string): Promise<string> => readFile(path.join(emulator.directory, name), 'utf8');
      const keyPem = await read('device.key');
      const [certificatePem, authorityKey] = await Promise.all([
        read('intermediate-ca.pem'),
        read('intermediate-ca.key'),
      ]);
      const authority = authorityFrom({ certificatePem, keyPem: authorityKey });
      const issue = (subject: string, serial: string, year: number): Promise<Issued> =>
        authority.issue({ keys: pairFrom(keyPem), subject, serial, notAfter: Date.UTC(year, 0, 1) });
      const earlier = await issue('O=Example, OU=Devices, CN=device-0001', '0a4f', 2043);
      // The trust policy of the role wants OU=Devices.
      const later = await issue('O=Example, CN=device-0001', '0b00', 2044);
      tokens.addToken('twice');
      tokens.addKey('twice', { keyPem }, { label: 'device', id: '07' });
      tokens.addCertificate('twice', earlier, { label: 'device', id: '07' });
      tokens.addCertificate('twice', later, { label: 'device', id: '07' });
      tokens.addCertificate('twice', authority, { label: 'intermediate-ca', id: '08' });
    });

    const identity = (uri: string, selector?: string): string =>
      [
        `certificate: pkcs11:${uri}`,
        `passphrase: { file: ${pinFile} }`,
        `pkcs11: { module: ${tokens.module}${selector === undefined ? '' : `, certificate: ${selector}`} }`,
      ].join('\n');

    /** The end of the certificate's validity, and the number of intermediates. */
    async function checked(uri: string, selector?: string): Promise<string> {
      const file = await workshop.write('twice.yaml', configured(identity(uri, selector)));
      const { stdout, stderr } = await run(['check-config', file], { env: environment });
      return /valid until {2}(\d{4}.*intermediate)/.exec(stdout)?.[1] ?? stderr;
    }

    test.each(names)('takes the longest lasting one of pkcs11:%s, or the selected one', async (uri) => {
      expect(await checked(uri)).toMatch(/^2044-.* 1 intermediate/);
      expect(await checked(uri, '{ serial: 0A4F }')).toMatch(/^2043-.* 1 intermediate/);
      expect(await checked(uri, `{ subject: 'CN=device-0001,O=Example', serial: '0b00' }`)).toMatch(/^2044-.* 1 inter/);
      expect(await checked(uri, '{ subject: CN=other }')).toMatch(
        /identity\.pkcs11\.certificate\n +CERTIFICATE_NOT_SELECTED: .*\(serial 0a4f\)/,
      );
    });

    test('serves a session of the selected one', async () => {
      const config = configured(identity('token=twice', "{ serial: '0a4f' }"));
      const { url, program } = await workshop.daemon(onFreePort(config));
      await eventually('a session', 20_000, async () => (await readCredentials(url)).document);
      expect(program.stderr).toContain('OU=Devices');
    });

    test('credential-process signs with the one of --cert-selector', async () => {
      const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
      const flags = [
        ...['--private-key', `pkcs11:token=twice;object=device?pin-source=file:${pinFile}`],
        ...['--pkcs11-lib', tokens.module, '--endpoint', emulator.url, '--role-arn', value('roleArn')],
        ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
      ];
      const json = JSON.stringify([{ Key: 'x509Serial', Value: '0a4f' }]);
      const file = `file://${await workshop.write('selector.json', json)}`;
      const get = (...selector: string[]): Promise<Outcome> =>
        run(['credential-process', ...flags, ...selector], { env: environment });
      for (const selector of ['Key=x509Subject,Value=CN=device-0001,OU=Devices,O=Example', file]) {
        const outcome = await get('--cert-selector', selector);
        expect(outcome).toMatchObject({ code: 0, stderr: '' });
        expect(JSON.parse(outcome.stdout)).toMatchObject({ Version: 1 });
      }
      expect((await get('--cert-selector', 'Key=x509Serial,Value=0B00')).stderr).toContain('RA_CANNOT_ASSUME_ROLE');
      expect((await get('--cert-selector', 'Key=x509Serial,Value=0C')).stderr).toContain('CERTIFICATE_NOT_SELECTED');
    });
  });

  test('credential-process takes the flags of aws_signing_helper', async () => {
    const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
    const outcome = await run(
      [
        ...['credential-process', '--certificate', path.join(emulator.directory, 'device.pem')],
        ...['--intermediates', path.join(emulator.directory, 'intermediate-ca.pem')],
        ...['--private-key', `pkcs11:token=ra;object=device?pin-source=file:${pinFile}`, '--reuse-pin'],
        ...['--pkcs11-lib', tokens.module, '--endpoint', emulator.url, '--role-arn', value('roleArn')],
        ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
      ],
      { env: environment },
    );
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ Version: 1 });
  });

  describeWith('p11-kit', hasTool('p11-kit', 'list-modules'), 'by p11-kit', () => {
    test('the default module finds what is registered', async () => {
      const identity = onToken().replace(/\npkcs11: .*/, '');
      const file = await workshop.write('proxy.yaml', configured(identity));
      expect(await run(['check-config', file], { env: environment })).toMatchObject({ code: 0 });
    });

    test('a socket of p11-kit server gives a container access', async () => {
      const socket = path.join(workshop.directory, 'p11-kit.sock');
      const server = spawn(
        'p11-kit',
        ['server', '--foreground', '--name', socket, '--provider', tokens.module, 'pkcs11:token=ra'],
        { env: { ...process.env, ...environment }, stdio: 'ignore' },
      );
      try {
        await eventually('the socket', 10_000, () => existsSync(socket) || undefined);
        const identity = onToken().replace(tokens.module, 'p11-kit-client.so');
        const file = await workshop.write('client.yaml', configured(identity));
        // Without $SOFTHSM2_CONF: the token itself is out of reach.
        const env = { HOME: tokens.directory, P11_KIT_SERVER_ADDRESS: `unix:path=${socket}` };
        const outcome = await run(['credential-process', '--config', file], { env });
        expect(outcome).toMatchObject({ code: 0, stderr: '' });
        expect(JSON.parse(outcome.stdout)).toMatchObject({ Version: 1 });
      } finally {
        server.kill();
      }
    });
  });
});
