import { readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasTpmTools, SoftwareTpm } from '../keys/tpm/software-tpm.ts';
import { run } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

describeWith('swtpm, tpm2-tools and tpm2-openssl', hasTpmTools(), 'key new', () => {
  let tpm: SoftwareTpm;
  beforeAll(async () => {
    tpm = await SoftwareTpm.start();
  });
  afterAll(() => tpm.stop());

  test.each(['ec-p256', 'rsa-2048'])('writes a key of type %s that OpenSSL signs a request with', async (type) => {
    const file = tpm.file(`${type}.tss`);
    const outcome = await run(['key', 'new', '--tpm', file, '--type', type, '--tpm-device', tpm.device]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const providers = ['-provider', 'tpm2', '-provider', 'default', '-propquery', '?provider=tpm2'];
    tpm.tool('openssl', 'req', '-new', ...providers, '-key', file, '-subj', '/CN=device-0001', '-out', 'request.pem');
    tpm.tool('openssl', 'req', '-verify', '-noout', '-in', 'request.pem');
  });

  test('never replaces a file, and finds the TPM by TPM_DEVICE', async () => {
    const file = await workshop.write('device.tss', 'another key');
    const env = { TPM_DEVICE: tpm.device };
    const refused = await run(['key', 'new', '--tpm', file], { env });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('KEY_FILE_NOT_WRITTEN');
    expect(readFileSync(file, 'utf8')).toBe('another key');
    expect(await run(['key', 'new', '--tpm', `${file}2`], { env })).toMatchObject({ code: 0 });
  });
});

test('key new without a TPM names it, and leaves no file behind', async () => {
  const file = `${workshop.directory}/none.tss`;
  const outcome = await run(['key', 'new', '--tpm', file, '--tpm-device', '/nonexistent/tpm']);
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain('TPM_UNREACHABLE');
  expect(outcome.stderr).toContain('/nonexistent/tpm');
  expect(() => statSync(file)).toThrow('ENOENT');
});
