import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority } from '../support/pki.ts';
import { type Outcome, run } from '../support/program.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';

// Administrators see text that other people wrote: no command prints control sequences from it.

/** Clears the screen, sets the title, in 7 and 8 bits; and right-to-left text. */
const HOSTILE = '\x1b[2J\x1b]0;owned\x07\u009b2J\u202e';

let workshop: Workshop;
let config: string;
let directory: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  const emulator = await workshop.emulator();
  config = onFreePort(emulator.config);
  directory = emulator.directory;
  return workshop.close;
});

function expectPlain({ stdout, stderr }: Outcome, shown: RegExp): void {
  const text = stdout + stderr;
  expect(text).toMatch(shown);
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  expect(text).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
}

/** Looks like the end of a report. */
const FORGED = '\n\nNothing is wrong';

function expectNoForgedLine({ stdout, stderr }: Outcome, shown: RegExp): void {
  const text = stdout + stderr;
  expect(text).toMatch(shown);
  expect(text).toContain('Nothing is wrong');
  expect(text).not.toMatch(/^ {0,3}Nothing is wrong/m);
}

describe('no line of its own is begun by', () => {
  test('a name in a certificate', async () => {
    const authority = await makeAuthority();
    const device = await authority.issue({
      subject: `CN=device,OU=Devices${FORGED}`,
      alternativeNames: [{ type: 'email', value: `device${FORGED}` }],
    });
    const certificate = await workshop.write('forged.pem', device.certificatePem);
    expectNoForgedLine(await run(['policy', 'show', certificate]), /What IAM sees/);
  });

  test('a key of a policy', async () => {
    const Condition = { StringEquals: { [`x${FORGED}`]: 'x' } };
    const policy = { Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: '*', Condition } };
    const trust = await workshop.write('forged.json', JSON.stringify(policy));
    expectNoForgedLine(
      await run(['policy', 'test', path.join(directory, 'device.pem'), '--trust-policy', trust]),
      /POLICY_INVALID/,
    );
  });

  test('a key of a configuration', async () => {
    const file = await workshop.write('forged.yaml', `${config}\n${JSON.stringify(`key${FORGED}`)}: 1\n`);
    expectNoForgedLine(await run(['check-config', file]), /CONFIG_UNKNOWN_KEY/);
    expectNoForgedLine(await run(['doctor', file]), /CONFIG_UNKNOWN_KEY/);
  });

  test('a support bundle', async () => {
    const step = {
      ...{ name: 'x', title: `x${FORGED}`, area: 'host', outcome: 'failed', unchecked: [`x${FORGED}`] },
      seen: [`x${FORGED}`],
      findings: [{ severity: 'error', code: `X${FORGED}`, message: `x${FORGED}`, remedy: `x${FORGED}` }],
    };
    const diagnosis = {
      ...{ schema: 1, version: '1', time: 't', file: `f${FORGED}`, exitCode: 1, steps: [step] },
      cause: { step: 'x', code: `X${FORGED}` },
    };
    const bundle = { kind: 'imds-anywhere support bundle', diagnosis };
    const file = await workshop.write('forged-bundle.json', JSON.stringify(bundle));
    expectNoForgedLine(await run(['doctor', '--from-bundle', file]), /FAILED/);
  });

  test('names of profiles', async () => {
    const env = { HOME: workshop.directory, AWS_PROFILE: `x${FORGED}`, AWS_CONFIG_FILE: '/nowhere' };
    expectNoForgedLine(await run(['env', '--check'], { env }), /ENV_/);
  });
});

describe('the terminal gets only text from', () => {
  test('the subject of a certificate', async () => {
    const authority = await makeAuthority();
    const device = await authority.issue({ subject: `CN=device ${HOSTILE}` });
    const certificate = await workshop.write('hostile.pem', device.certificatePem);
    const privateKey = await workshop.write('hostile.key', device.keyPem);
    const file = await workshop.write(
      'hostile-certificate.yaml',
      config
        .replace(/certificate: .*/, `certificate: ${certificate}`)
        .replace(/privateKey: .*/, `privateKey: ${privateKey}`),
    );
    expectPlain(await run(['check-config', file]), /is good[^]*device .*x1b.*u202e/);
  });

  test.each(['check-config', 'serve'])('unknown keys and values of a configuration: %s', async (command) => {
    const key = JSON.stringify(`key ${HOSTILE}`);
    const file = await workshop.write(
      'hostile.yaml',
      `${config}\n${key}: 1\nlog: { level: ${JSON.stringify(HOSTILE)} }\n`,
    );
    expectPlain(await run([command, file]), /key .*x1b/);
  });

  test('a configuration that is not YAML', async () => {
    const file = await workshop.write('no.yaml', `a: [${HOSTILE}\nb: "${HOSTILE}`);
    expectPlain(await run(['check-config', file]), /CONFIG_NOT_YAML/);
  });

  test('names of profiles, and the environment', async () => {
    await workshop.write('aws-config', `[profile ${HOSTILE}]\ncredential_process = x ${HOSTILE}\n`);
    const env = {
      HOME: workshop.directory,
      AWS_CONFIG_FILE: path.join(workshop.directory, 'aws-config'),
      AWS_PROFILE: HOSTILE,
      AWS_WEB_IDENTITY_TOKEN_FILE: HOSTILE,
    };
    expectPlain(await run(['env', '--check'], { env }), /ENV_/);
    // Without an unreadable file, which would be reported first, the profile itself is named.
    expectPlain(await run(['env', '--check'], { env: { ...env, AWS_CONFIG_FILE: '/nowhere' } }), /x9b/);
  });

  test('unknown options, and paths', async () => {
    expectPlain(await run(['serve', `--${HOSTILE}`]), /unknown option/);
    expectPlain(await run(['check-config', `/nowhere/${HOSTILE}`]), /x1b/);
  });

  test('a migrated script', async () => {
    const script = await workshop.write(
      'script.sh',
      `aws_signing_helper serve --port ${HOSTILE} --nonsense ${HOSTILE}\n`,
    );
    expectPlain(await run(['migrate', script]), /x1b/);
    expect(await readFile(script, 'utf8')).toContain('\x1b');
  });
});
