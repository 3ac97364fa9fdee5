import { createSecretKey, type KeyObject } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { keyProcesses } from '../../../src/keys/ask-key-process.ts';
import { type OutsideKeys, outsideKeys } from '../../../src/keys/outside-keys.ts';
import { newKey } from '../../../src/keys/tpm/creation.ts';
import { secretFrom } from '../../../src/keys/tpm/passwords.ts';
import { publicKeyInFile } from '../../../src/keys/tpm/tpm-key.ts';
import { describeWith } from '../../support/tools.ts';
import { FaultyTpm } from './faulty-tpm.ts';
import { hasTpmTools, SoftwareTpm } from './software-tpm.ts';
import { withTpm } from './with-tpm.ts';

const PASSWORD = 'right';

describeWith('swtpm, tpm2-tools and tpm2-openssl', hasTpmTools(), 'a TPM, asked by a process of its own', () => {
  let software: SoftwareTpm;
  let file: Buffer;
  const { signal } = new AbortController();

  beforeAll(async () => {
    software = await SoftwareTpm.start();
    const passwords = { key: Buffer.from(PASSWORD), owner: Buffer.alloc(0) };
    file = await withTpm(software.device, (tpm) => newKey(tpm, 'ec-p256', passwords));
  });
  afterAll(() => software.stop());

  beforeEach(() => {
    software.tools('tpm2_dictionarylockout --clear-lockout');
  });

  /** Of a daemon that has just started, so that no password is remembered. */
  function fresh(deadlineMs = 10_000): OutsideKeys {
    const program = path.resolve('dist/key-process.js');
    return outsideKeys(keyProcesses({ environment: process.env, log: () => undefined, program, deadlineMs }));
  }

  function sign(keys: OutsideKeys, password: string | undefined, device = software.device): Promise<Buffer> {
    const key = {
      kind: 'tpm',
      key: { file, path: 'device.tss' },
      device,
      secret: secretKey(secretFrom({ key: password })),
      publicKey: publicKeyInFile(file),
    } as const;
    return keys.sign({ algorithm: 'AWS4-X509-ECDSA-SHA256', key }, Buffer.from('text'), signal);
  }

  function secretKey(text: string | undefined): KeyObject | undefined {
    return text === undefined ? undefined : createSecretKey(Buffer.from(text));
  }

  function countedPasswords(): number {
    const text = software.tool('tpm2_getcap', 'properties-variable').toString();
    return Number(/TPM2_PT_LOCKOUT_COUNTER: (0x[0-9A-F]+)/.exec(text)?.[1]);
  }

  it('signs for several roles that renew at once', async () => {
    const keys = fresh();
    const signatures = await Promise.all([1, 2, 3].map(() => sign(keys, PASSWORD)));
    expect(signatures).toHaveLength(3);
    expect(software.leftovers).toBe('');
  });

  it.each([
    ['wrong', 'TPM_PASSWORD_WRONG'],
    [undefined, 'TPM_PASSWORD_MISSING'],
  ])('gets the password %s once, then the right one', async (password, code) => {
    const keys = fresh();
    for (let attempt = 0; attempt < 3; attempt += 1)
      await expect(sign(keys, password)).rejects.toMatchObject({ code, retry: 'slow' });
    expect(countedPasswords()).toBe(1);
    await expect(sign(keys, PASSWORD)).resolves.toBeInstanceOf(Buffer);
  });

  it('that is silent costs one deadline', async () => {
    const silent = await FaultyTpm.start([], { 0: () => undefined });
    onTestFinished(silent.stop);
    const keys = fresh(2_000);
    await expect(sign(keys, PASSWORD, silent.device)).rejects.toMatchObject({
      code: 'KEY_PROCESS_LATE',
      retry: 'soon',
    });
    await expect(sign(fresh(), PASSWORD)).resolves.toBeInstanceOf(Buffer);
  });
});
