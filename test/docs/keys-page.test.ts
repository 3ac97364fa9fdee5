import { readFileSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { X509Certificate } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { SoftTokens, hasTokens, PIN } from '../keys/soft-token.ts';
import { run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop, type RunningEmulator } from '../support/workshop.ts';

// The programs of docs/keys.md, as they are printed there, each to a session that was granted.

const PAGE = readFileSync(path.join(import.meta.dirname, '../../docs/keys.md'), 'utf8');

function example(name: string): string {
  const blocks = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const found = blocks.find((block) => block.startsWith(`#!/bin/sh\n# ${name}:`));
  if (found === undefined) throw new Error(`docs/keys.md has no example ${name}`);
  return found;
}

describeWith('openssl, softhsm2 and opensc', hasTool('openssl', 'version') && hasTokens(), 'docs/keys.md', () => {
  const tokens = new SoftTokens();
  let workshop: Workshop;
  let emulator: RunningEmulator;
  let environment: Record<string, string>;

  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    const keyFile = path.join(emulator.directory, 'device.key');
    tokens.addToken('devices');
    tokens.addKey('devices', { keyPem: await readFile(keyFile, 'utf8') }, { label: 'device', id: '07' });
    environment = {
      ...{ KEY: keyFile, MODULE: tokens.module, TOKEN: 'devices', KEY_ID: '07' },
      PIN_FILE: await workshop.write('pin', PIN),
      SOFTHSM2_CONF: tokens.environment['SOFTHSM2_CONF'] ?? '',
    };
    return workshop.close;
  });

  test.each([
    ['sign-with-openssl', 'KEY'],
    ['sign-with-pkcs11-tool', 'MODULE, TOKEN, KEY_ID, PIN_FILE'],
  ])('%s', async (name, variables) => {
    const text = example(name);
    expect(text).toContain(`set environment: [${variables}]`);
    const program = await workshop.write(name, text);
    await chmod(program, 0o700);
    const signer = `signer: { command: ['${program}'], environment: [${variables}, SOFTHSM2_CONF] }`;
    const config = await workshop.write(
      `${name}.yaml`,
      emulator.config.replace(/^ {2}privateKey: .*$/m, `  ${signer}`),
    );
    const outcome = await run(['credential-process', '--no-cache', '--config', config], { env: environment });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ Version: 1 });
  });

  test('the certificate of the emulator has a P-256 key, as the example with pkcs11-tool needs', async () => {
    const { publicKey } = new X509Certificate(await readFile(path.join(emulator.directory, 'device.pem')));
    expect(publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });
});
