import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { hasTpmTools, SoftwareTpm } from '../keys/tpm/software-tpm.ts';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';

// `stateKey: tpm`: what a daemon keeps over a restart opens with this TPM and with no other.

describeWith('swtpm, tpm2-tools and tpm2-openssl', hasTpmTools(), 'sessions sealed by a TPM', () => {
  let workshop: Workshop;
  const tpms: SoftwareTpm[] = [];

  beforeAll(async () => {
    workshop = await Workshop.open();
    tpms.push(await SoftwareTpm.start(), await SoftwareTpm.start());
    return async () => {
      await workshop.close();
      await Promise.all(tpms.map((tpm) => tpm.stop()));
    };
  });

  const accessKeyAt = async (url: string): Promise<string> =>
    eventually('credentials', 15_000, async () => (await readCredentials(url)).document?.AccessKeyId);

  test('are served again after a restart, and by this TPM only', async () => {
    const [tpm, another] = tpms;
    if (!tpm || !another) throw new Error('no TPM');
    const emulator = await workshop.emulator();
    const directory = path.join(workshop.directory, 'state');
    const config = `${onFreePort(emulator.config)}\nstateDirectory: ${directory}\nstateKey: tpm\n`;
    const first = await workshop.daemon(config, { env: { TPM_DEVICE: tpm.device } });
    const held = await accessKeyAt(first.url);
    await eventually(
      'the stored session',
      10_000,
      async () => (await readdir(directory)).some((name) => /^session-[0-9a-f]{32}$/.test(name)) || undefined,
    );
    expect(tpm.leftovers).toBe('');
    await first.program.stop('SIGKILL');
    await emulator.program.stop('SIGKILL');

    const again = await workshop.daemon(config, { env: { TPM_DEVICE: tpm.device } });
    expect(await accessKeyAt(again.url)).toBe(held);
    await again.program.stop();

    const sealed = await readFile(path.join(directory, 'state-key.tss'));
    const elsewhere = await workshop.daemon(config, { env: { TPM_DEVICE: another.device } });
    await eventually('the refusal', 10_000, () =>
      Promise.resolve(elsewhere.program.stderr.includes('STATE_OTHER_KEY') || undefined),
    );
    expect((await readCredentials(elsewhere.url)).document).toBeUndefined();
    expect(await readFile(path.join(directory, 'state-key.tss'))).not.toEqual(sealed);
  });

  test('are not stored while there is no TPM, and requests are served all the same', async () => {
    const emulator = await workshop.emulator();
    const directory = path.join(workshop.directory, 'none');
    const config = `${onFreePort(emulator.config)}\nstateDirectory: ${directory}\nstateKey: tpm\n`;
    const { url, program } = await workshop.daemon(config, { env: { TPM_DEVICE: '/nonexistent/tpm' } });
    await accessKeyAt(url);
    await eventually('the warning', 10_000, () =>
      Promise.resolve(program.stderr.includes('STATE_KEY_UNREADABLE') || undefined),
    );
    expect(program.stderr).toContain('/nonexistent/tpm');
  });
});
