import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';
import { FaultyTokens } from './faulty-token.ts';
import { hasTokens, PIN } from './soft-token.ts';

// A daemon whose key is on a token that fails while it runs. Its sessions last for seconds, so it signs again and again.

describeWith('softhsm2, opensc and gcc', hasTokens() && hasTool('gcc', '--version'), 'a daemon with a token', () => {
  const tokens = new FaultyTokens();
  let workshop: Workshop;
  let emulator: RunningEmulator;

  beforeAll(async () => {
    workshop = await Workshop.open({ ...tokens.environment, HOME: tokens.directory });
    emulator = await workshop.emulator('--grant-seconds', '20');
    const read = (name: string): Promise<string> => readFile(path.join(emulator.directory, name), 'utf8');
    tokens.addToken('ra');
    tokens.addKey('ra', { keyPem: await read('device.key') }, { label: 'device', id: '07' });
    const certificateDer = new X509Certificate(await read('device.pem')).raw;
    tokens.addCertificate('ra', { certificateDer }, { label: 'device', id: '07' });
    await workshop.write('pin', `${PIN}\n`);
    return workshop.close;
  });

  beforeEach(() => {
    tokens.fault();
  });

  /** The role of the emulator's account, as many times. */
  async function daemon(roles = 1): Promise<{ readonly program: RunningProgram; readonly urls: readonly string[] }> {
    const [, roleArn = ''] = /roleArn: (\S+)/.exec(emulator.config) ?? [];
    const identity = [
      `identity:`,
      `  certificate: ${path.join(emulator.directory, 'device.pem')}`,
      `  intermediates: ${path.join(emulator.directory, 'intermediate-ca.pem')}`,
      `  privateKey: pkcs11:token=ra;object=device?pin-source=${path.join(workshop.directory, 'pin')}`,
      `  pkcs11: { module: ${tokens.faultyModule} }`,
    ];
    const written = Array.from({ length: roles }, (_, index) => [
      `  - { name: role-${index}, roleArn: "${roleArn}", imds: { listen: "127.0.0.1:0" } }`,
    ]).flat();
    const rolesAnywhere = /^rolesAnywhere:\n(?: {2}.*\n)+/m.exec(emulator.config)?.[0] ?? '';
    const config = [...identity, `${rolesAnywhere}roles:`, ...written, ''].join('\n');
    const { program } = await workshop.daemon(config);
    const endpoints = /AWS_EC2_METADATA_SERVICE_ENDPOINT=(http:\S+)/g;
    const urls = await eventually('all endpoints', 10_000, () => {
      const found = [...program.stdout.matchAll(endpoints), ...program.stderr.matchAll(endpoints)].map(
        ([, url = '']) => url,
      );
      return new Set(found).size === roles ? [...new Set(found)] : undefined;
    });
    return { program, urls };
  }

  async function keyAt(url: string): Promise<string | undefined> {
    return (await readCredentials(url)).document?.AccessKeyId;
  }

  test('gets the sessions of three roles, one process at a time', async () => {
    const { program, urls } = await daemon(3);
    for (const url of urls) await eventually('a session', 20_000, () => keyAt(url));
    const first = await Promise.all(urls.map(keyAt));
    await eventually('the next sessions', 30_000, async () => {
      const next = await Promise.all(urls.map(keyAt));
      return next.every((key, index) => key !== undefined && key !== first[index]) ? true : undefined;
    });
    const processes = tokens.calls.map(({ pid }) => pid);
    const changes = processes.filter((pid, index) => pid !== processes[index - 1]);
    expect(changes).toHaveLength(new Set(processes).size);
    expect(program.log.filter(({ code }) => code !== undefined && code !== 'SESSION_SHORT')).toEqual([]);
    await program.stop();
  });

  test('serves while the token is absent, and renews when it is back', async () => {
    const { program, urls } = await daemon();
    const [url = ''] = urls;
    const first = await eventually('a session', 20_000, () => keyAt(url));
    tokens.fault('C_GetSlotList none');
    await program.says(/PKCS11_TOKEN_NOT_FOUND/);
    expect(await keyAt(url)).toBe(first);
    tokens.fault();
    await eventually('another session', 30_000, async () => ((await keyAt(url)) === first ? undefined : true));
    await program.stop();
  });

  test('tries a wrong PIN once, and the right one as soon as it is set', async () => {
    await workshop.write('pin', '9999\n');
    const { program, urls } = await daemon();
    await program.says(/PKCS11_PIN_WRONG/);
    // Without a session, several more attempts.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(tokens.count('C_Login')).toBe(1);
    await workshop.write('pin', `${PIN}\n`);
    await eventually('a session', 30_000, () => keyAt(urls[0] ?? ''));
    await program.stop();
  });

  test('serves and stops in time while the module hangs', async () => {
    const { program, urls } = await daemon();
    const [url = ''] = urls;
    const first = await eventually('a session', 20_000, () => keyAt(url));
    tokens.fault('C_Login hang');
    const pid = await eventually('a signature', 20_000, () => tokens.calls.find(({ name }) => name === 'C_Login')?.pid);
    expect(await keyAt(url)).toBe(first);
    const asked = Date.now();
    await program.stop();
    // A module that hangs has 10 s, and nothing waits for it.
    expect(Date.now() - asked).toBeLessThan(8_000);
    await expect.poll(() => isThere(pid)).toBe(false);
  });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
