import { createPrivateKey, type KeyObject } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually, run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';
import { type RunningAgent, startAgent } from './running-agent.ts';

// The program as it is shipped, with the key of the emulator's device in an agent or behind a command, each time to a session that
// was granted.

const hasAgent = hasTool('sh', '-c', 'command -v ssh-agent && command -v ssh-add && command -v openssl');

describeWith('ssh-agent and openssl', hasAgent, 'the program with a key elsewhere', () => {
  let workshop: Workshop;
  let emulator: RunningEmulator;
  let agent: RunningAgent;
  let certificate: string;
  let signer: string;

  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    agent = await startAgent();
    certificate = /certificate: (\S+)/.exec(emulator.config)?.[1] ?? '';
    agent.add(await deviceKey());
    signer = await program(`openssl dgst -sha256 -sign '${path.join(emulator.directory, 'device.key')}'`);
    return async () => {
      await Promise.all([workshop.close(), agent.close()]);
    };
  });

  async function deviceKey(): Promise<KeyObject> {
    return createPrivateKey(await readFile(path.join(emulator.directory, 'device.key'), 'utf8'));
  }

  /** A command that signs the message with `sign`, which reads a file. */
  async function program(sign: string): Promise<string> {
    const message = path.join(workshop.directory, 'message');
    const file = await workshop.write(
      'signer',
      [
        '#!/bin/sh',
        `sed 's/.*"message":"\\([^"]*\\)".*/\\1/' | base64 -d >'${message}'`,
        `printf '{"signature":"%s"}\\n' "$(${sign} '${message}' | base64 -w0)"`,
        '',
      ].join('\n'),
    );
    await chmod(file, 0o700);
    return file;
  }

  /** The configuration of the emulator with its key elsewhere. */
  function configured(key: string): string {
    return emulator.config.replace(/^ {2}privateKey: .*$/m, `  ${key}`);
  }

  const places = (): Readonly<Record<string, string>> => ({
    agent: `privateKey: ssh-agent:${agent.socket}`,
    command: `signer: { command: ['${signer}'] }`,
  });

  test.each(['agent', 'command'])('serves a session for a key behind an %s', async (place) => {
    const { url, program: daemon } = await workshop.daemon(onFreePort(configured(places()[place] ?? '')));
    await eventually('a session', 20_000, async () => (await readCredentials(url)).document);
    expect(daemon.stderr).not.toContain('"level":"warn"');
  });

  test('a key that is added to the agent later is used without a restart', async () => {
    agent.removeAll();
    const { url, program: daemon } = await workshop.daemon(onFreePort(configured(places()['agent'] ?? '')));
    await eventually('a complaint', 30_000, () => daemon.log.find(({ code }) => code === 'SSH_AGENT_KEY_MISSING'));
    agent.add(await deviceKey());
    await eventually('a session', 30_000, async () => (await readCredentials(url)).document);
  });

  test.each([
    ['agent', /key +ssh-agent:\S+agent\.sock, which has signed/],
    ['command', /key +\S+signer, which has signed/],
  ])('check-config signs once with the %s', async (place, expected) => {
    const file = await workshop.write(`good-${place}.yaml`, configured(places()[place] ?? ''));
    const outcome = await run(['check-config', file]);
    expect(outcome).toMatchObject({ code: 0, stdout: expect.stringMatching(expected) as string });
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends check-config and the program that it asks',
    async (signal) => {
      const started = path.join(workshop.directory, `started-${signal}`);
      const file = await workshop.write(
        `hanging-${signal}`,
        `#!/bin/sh\necho $$ >${started}.new; mv ${started}.new ${started}\nexec sleep 600\n`,
      );
      await chmod(file, 0o700);
      const config = await workshop.write(`hanging-${signal}.yaml`, configured(`signer: { command: ['${file}'] }`));
      const command = workshop.start(['check-config', config]);
      const pid = await eventually('the program', 30_000, () => readFile(started, 'utf8').catch(() => undefined));
      expect(await command.stop(signal)).toMatchObject({ code: null, stdout: '', stderr: '' });
      await eventually('its end', 30_000, async () => {
        const status = await readFile(`/proc/${pid.trim()}/stat`, 'utf8').catch(() => '');
        return status === '' || /\) [ZX] /.test(status) ? true : undefined;
      });
    },
  );

  test('credential-process takes the agent of its environment', async () => {
    const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
    const outcome = await run(
      [
        ...['credential-process', '--certificate', certificate, '--private-key', 'ssh-agent:'],
        ...['--endpoint', emulator.url, '--role-arn', value('roleArn')],
        ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
      ],
      { env: { SSH_AUTH_SOCK: agent.socket } },
    );
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ Version: 1 });
  });

  test.each<[string, () => string | Promise<string>, RegExp]>([
    ['no agent', () => 'privateKey: ssh-agent:/nowhere/agent.sock', /identity\.privateKey\n +SSH_AGENT_UNREACHABLE/],
    [
      'a program that is not there',
      () => "signer: { command: ['/nowhere/sign'] }",
      /identity\.signer\n +SIGNER_COMMAND_MISSING/,
    ],
    [
      'a program that fails',
      async () => `signer: { command: ['${await failing()}'] }`,
      /identity\.signer\n +SIGNER_COMMAND_FAILED: \S+: it ended with exit code 1: no key today/,
    ],
    [
      'a program that others can change',
      async () => {
        const file = await failing();
        await chmod(file, 0o777);
        return `signer: { command: ['${file}'] }`;
      },
      /identity\.signer\.command\n +FILE_WRITABLE_BY_OTHERS/,
    ],
  ])('check-config reports %s at its key', async (_, key, expected) => {
    const { code, stderr } = await run(['check-config', await workshop.write('bad.yaml', configured(await key()))]);
    expect(stderr).toMatch(expected);
    expect(code).toBe(2);
  });

  async function failing(): Promise<string> {
    const file = await workshop.write('failing', '#!/bin/sh\necho no key today >&2\nexit 1\n');
    await chmod(file, 0o700);
    return file;
  }
});
