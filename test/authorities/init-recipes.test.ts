import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { EXAMPLE_TOOLS, EXAMPLE_TOOLS_NAME, hasExampleTools, Moto } from '../support/moto.ts';
import { run } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';
import { BAO_NAME, BAO_TOKEN, hasBao, OpenBao } from './openbao.ts';
import { privateAuthority } from './private-authority.ts';
import { BUILT, hasStep, STEP_NAME } from './step-ca.ts';

// ca.sh of `init`, with real CAs: its certificate is what the trust policy of the same directory accepts, and the emulator
// grants it a session.

vi.setConfig({ testTimeout: 180_000 });

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

const WHERE = ['--region', 'eu-central-1', '--runs-on', 'ci'];
const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/11111111-2222-4333-8444-555555555555';

async function issued(
  folder: string,
  options: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const cwd = workshop.directory;
  expect(await run(['init', folder, ...WHERE, ...options], { cwd })).toMatchObject({ code: 0, stderr: '' });
  const directory = path.join(cwd, folder);
  const script = path.join(directory, 'ca.sh');
  // moto knows the usages of this template only.
  await writeFile(script, (await readFile(script, 'utf8')).replace('EndEntityClientAuth', 'EndEntity'));
  execFileSync('sh', [script], {
    env: { HOME: cwd, PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const policy = (await readFile(path.join(directory, 'trust-policy.json'), 'utf8')).replace(
    'TRUST-ANCHOR-ARN',
    ANCHOR,
  );
  await writeFile(path.join(directory, 'trust.json'), policy);
  return directory;
}

async function expectSession(directory: string, bundle: string): Promise<void> {
  const test = ['policy', 'test', '--trust-policy', 'trust.json', '--certificate', 'device.pem'];
  expect(await run(test, { cwd: directory })).toMatchObject({ code: 0, stderr: '' });
  const { code, stdout, stderr } = await run(
    [
      ...['init', 'trial', ...WHERE, '--ca', 'bundle', '--ca-bundle', bundle, '--try'],
      ...['--certificate', 'device.pem', '--private-key', 'device.key'],
    ],
    { cwd: directory },
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('granted a session');
}

describeWith(STEP_NAME, hasStep(), 'init --ca step-ca', () => {
  test('ca.sh makes a CA, and a certificate that gets a session', async () => {
    const directory = await issued('step', ['--ca', 'step-ca'], {
      PATH: `${BUILT}:${process.env['PATH'] ?? ''}`,
    });
    await expectSession(directory, 'trust-anchor.pem');
  });
});

describeWith(BAO_NAME, hasBao(), 'init --ca vault, with OpenBao', () => {
  test('ca.sh makes a CA, and a certificate that gets a session', async () => {
    const server = await OpenBao.start();
    try {
      const tools = path.join(workshop.directory, 'tools');
      await mkdir(tools);
      await writeFile(path.join(tools, 'vault'), '#!/bin/sh\nexec bao "$@"\n', { mode: 0o755 });
      const directory = await issued('vault', ['--ca', 'vault'], {
        ...{ VAULT_ADDR: server.address, VAULT_TOKEN: BAO_TOKEN },
        PATH: `${tools}:${process.env['PATH'] ?? ''}`,
      });
      await expectSession(directory, 'trust-anchor.pem');
    } finally {
      await server.close();
    }
  });
});

describeWith(EXAMPLE_TOOLS_NAME, hasExampleTools(), 'init --ca acm-pca, as moto plays it', () => {
  test('ca.sh gets a certificate from the private CA', async () => {
    const moto = await Moto.start(workshop.directory);
    try {
      const { arn, certificate } = await privateAuthority(moto.url, '123456789012');
      const directory = await issued('pca', ['--ca', 'acm-pca', '--acm-pca-arn', arn], {
        ...{ AWS_ENDPOINT_URL: moto.url, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' },
        PATH: `${EXAMPLE_TOOLS}:${process.env['PATH'] ?? ''}`,
      });
      await writeFile(path.join(directory, 'root.pem'), certificate);
      await expectSession(directory, 'root.pem');
    } finally {
      await moto.close();
    }
  });
});
