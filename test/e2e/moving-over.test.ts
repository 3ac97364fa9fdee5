import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { HELPER_FLAGS } from '../../src/migration/helper-flags.ts';
import { type Outcome, run } from '../support/program.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

// Users of aws_signing_helper replace the name of the program in a command line. Then it works, or
// prints what to do.

let workshop: Workshop;
let emulator: RunningEmulator;
let flags: string[];

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  flags = [
    ...['--certificate', value('certificate'), '--private-key', value('privateKey'), '--endpoint', emulator.url],
    ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
    ...['--role-arn', value('roleArn')],
  ];
  return workshop.close;
});

const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';

const get = (...args: string[]): Promise<Outcome> =>
  run(['credential-process', ...flags, ...args], { env: { HOME: workshop.directory } });

describe('a command line of aws_signing_helper credential-process', () => {
  const GIVEN: Readonly<Record<string, string>> = {
    '--region': 'eu-central-1',
    '--session-duration': '1800',
    '--role-session-name': 'device',
  };

  /** Each of these lines also contains the flags above. */
  const ALREADY = ['--certificate', '--private-key', '--endpoint', '--trust-anchor-arn', '--profile-arn', '--role-arn'];
  /** For the other two commands, and in a test of its own. */
  const ELSEWHERE = ['--port', '--hop-limit', '--profile', '--once', '--cert-selector'];

  test.each(Object.entries(HELPER_FLAGS).filter(([name]) => ![...ALREADY, ...ELSEWHERE].includes(name)))(
    '%s',
    async (name, { takesValue, here, instead }) => {
      const given = name === '--intermediates' ? value('certificate') : (GIVEN[name] ?? 'marked');
      const outcome = await get(takesValue ? `${name}=${given}` : name);
      if (here === 'refused') {
        expect(outcome).toMatchObject({ code: 2, stdout: '' });
        expect(outcome.stderr).toContain(`FLAG_NOT_SUPPORTED: ${name}: ${instead}`);
        expect(outcome.stderr).not.toContain('marked');
      } else if (name === '--role-session-name') {
        // Like the service, if the profile does not accept one.
        expect(outcome.stderr).toContain('RA_SESSION_NAME_REFUSED');
      } else expect(outcome).toMatchObject({ code: 0, stderr: '' });
    },
  );

  test('switches with a value, as in Go', async () => {
    const off = [
      '--with-proxy=true',
      '--debug=false',
      '--no-verify-ssl=false',
      '--reuse-pin=f',
      '--no-tpm-key-password',
    ];
    expect(await get(...off)).toMatchObject({ code: 0, stderr: '' });
    expect((await get('--no-verify-ssl=true')).stderr).toContain('FLAG_NOT_SUPPORTED: --no-verify-ssl');
  });

  test.each([
    ['--certificate', 'pkcs11:token=x;pin-value=marked'],
    ['--private-key', 'pkcs11:token=x?pin-value=marked'],
    ['--private-key', 'pkcs11:token=x;marked'],
  ])('%s %s', async (name, source) => {
    const outcome = await get(name, source);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('must be a PKCS#11 URI');
    expect(outcome.stderr).not.toContain('marked');
  });

  test.each([
    ['marked', 'CERT_SELECTOR_UNUSABLE: --cert-selector cannot be read: an entry is not of the form'],
    ['file:///nowhere.json', 'CERT_SELECTOR_UNUSABLE: --cert-selector names /nowhere.json, which cannot be read'],
    ['Key=x509Serial,Value=0a', '--cert-selector\n +CONFIG_WRONG_VALUE: only certificates on a token can be selected'],
  ])('--cert-selector %s', async (selector, problem) => {
    const outcome = await get('--cert-selector', selector);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toMatch(new RegExp(problem));
    expect(outcome.stderr).not.toContain('marked');
  });

  test('--cert-selector for a certificate store', async () => {
    const outcome = await run(['credential-process', '--cert-selector', 'Key=x509Serial,Value=0a']);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('FLAG_NOT_SUPPORTED: --cert-selector: certificate stores');
  });

  test('--tpm-key-password on the command line', async () => {
    const outcome = await get('--tpm-key-password', 'marked');
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('FLAG_NOT_SUPPORTED: --tpm-key-password');
    expect(outcome.stderr).not.toContain('marked');
  });
});

test('an SDK gets its session from the line in ~/.aws/config', async () => {
  const program = path.resolve(import.meta.dirname, '../../dist/main.js');
  const line = [process.execPath, program, 'credential-process', ...flags].join(' ');
  const config = await workshop.write('config', `[profile device]\ncredential_process = ${line}\n`);
  const script = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
    console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn)`;
  const env = {
    ...{ PATH: process.env['PATH'], HOME: workshop.directory, AWS_CONFIG_FILE: config, AWS_PROFILE: 'device' },
    ...{ AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL_STS: emulator.url },
  };
  const arn = await new Promise((resolve) => {
    const cwd = path.resolve(import.meta.dirname, '../..');
    execFile(process.execPath, ['--input-type=module', '-e', script], { env, cwd }, (error, stdout) => {
      resolve(error ? error.message : stdout);
    });
  });
  expect(arn).toMatch(/^arn:aws:sts::\d{12}:assumed-role\//);
});

describe('migrate', () => {
  test('prints a working configuration', async () => {
    const file = await workshop.write(
      'aws-config',
      `[profile device]\ncredential_process = aws_signing_helper credential-process ${flags.join(' ')}\n`,
    );
    const outcome = await run(['migrate', file, '--config', '/c.yaml']);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain(
      'credential_process = imds-anywhere credential-process --config /c.yaml --role device',
    );
    const config = await workshop.write('migrated.yaml', outcome.stdout);
    const session = await run(['credential-process', '--config', config, '--role', 'device', '--no-cache']);
    expect(session).toMatchObject({ code: 0, stderr: '' });
  });

  test.each([
    ['of PowerShell', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['of another editor', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['with the mark of UTF-8', (text: string) => Buffer.from(`\uFEFF${text}`)],
  ])('reads a file %s', async (_title, encoded) => {
    const file = path.join(workshop.directory, 'encoded');
    await writeFile(file, encoded(`aws_signing_helper serve ${flags.join(' ')}\r\n`));
    expect(await run(['migrate', file])).toMatchObject({ code: 0, stderr: '' });
  });

  test('rejects Latin-1, whose paths would become other paths', async () => {
    const file = path.join(workshop.directory, 'latin1');
    await writeFile(file, Buffer.from(`aws_signing_helper serve ${flags.join(' ')} # Gerät\n`, 'latin1'));
    const { code, stdout, stderr } = await run(['migrate', file]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/MIGRATION_UNREADABLE: .*line 1 is not in UTF-8: for Latin-1, run `iconv/);
  });

  test('prints the remaining steps in its comments and on standard error, with code 1, without secrets', async () => {
    const line = `aws_signing_helper serve ${flags.join(' ')} --pkcs8-password marked --session-duration 5`;
    const file = await workshop.write('script', `#!/bin/sh\nexec ${line}\n`);
    const { code, stdout, stderr } = await run(['migrate', file]);
    expect(code).toBe(1);
    for (const text of [stdout, stderr]) {
      expect(text).toContain('line 2, NOT CARRIED OVER: --pkcs8-password: ');
      expect(text).toContain('line 2, NOT CARRIED OVER: roles[0].sessionDuration in the configuration: ');
      expect(text).not.toContain('marked');
    }
    expect(stderr).toContain('MIGRATION_INCOMPLETE');
  });

  test.each([
    ['nothing to do', 'x=y\n', 'MIGRATION_NOTHING'],
    ['no such file', undefined, 'MIGRATION_UNREADABLE'],
  ])('%s', async (_title, text, errorCode) => {
    const file = text === undefined ? '/nonexistent' : await workshop.write('empty', text);
    const { code, stdout, stderr } = await run(['migrate', file]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(errorCode);
  });
});
