import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { hasTokens, PIN, SoftTokens } from '../keys/soft-token.ts';
import { run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

// The programs of docs/keys.md, as they are printed there, each to a session that was granted.

const PAGE = readFileSync(path.join(import.meta.dirname, '../../docs/keys.md'), 'utf8');

function block(language: string, beginning: string): string {
  const blocks = [...PAGE.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const found = blocks.find(([, of, text = '']) => of === language && text.includes(beginning))?.[2];
  if (found === undefined) throw new Error(`docs/keys.md has no block with ${beginning}`);
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
    const text = block('sh', `#!/bin/sh\n# ${name}:`);
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

  test('SoftHSM in five minutes', async () => {
    await workshop.write(
      'imds-anywhere',
      `#!/bin/sh\nexec '${process.execPath}' '${path.resolve('dist/main.js')}' "$@"\n`,
    );
    await chmod(path.join(workshop.directory, 'imds-anywhere'), 0o700);
    const directories = [workshop.directory, path.dirname(process.execPath), process.env['PATH'] ?? ''];
    const env = { ...environment, PATH: directories.join(':') };
    const shell = (text: string): string =>
      execFileSync('sh', ['-eu'], { input: text, cwd: workshop.directory, env, encoding: 'utf8', stdio: 'pipe' });
    // Another name than that of the token above.
    const renamed = (text: string): string =>
      text.replaceAll('devices', 'five-minutes').replaceAll('/usr/lib/softhsm/libsofthsm2.so', tokens.module);
    shell(renamed(block('sh', 'softhsm2-util --init-token')));
    await workshop.write('extensions', 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature');
    const ca = path.join(emulator.directory, 'intermediate-ca');
    shell(`openssl x509 -req -days 5 -in device.csr -CA '${ca}.pem' -CAkey '${ca}.key' -CAcreateserial \
      -extfile extensions -out leaf.pem && cat leaf.pem '${ca}.pem' >device.pem`);
    const identity = renamed(block('yaml', 'passphrase: { file: pin }'));
    const rest = emulator.config.replace(/^identity:\n(?: .*\n)+/m, '');
    const config = await workshop.write('five-minutes.yaml', identity + rest);
    const outcome = await run(['credential-process', '--no-cache', '--config', config], { env: environment });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
  });

  test('the certificate of the emulator has a P-256 key, as the example with pkcs11-tool needs', async () => {
    const { publicKey } = new X509Certificate(await readFile(path.join(emulator.directory, 'device.pem')));
    expect(publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });
});
