import { X509Certificate } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import type { Authority, Issued } from '../support/pki.ts';
import type { RunningProgram } from '../support/program.ts';
import type { Workshop } from '../support/workshop.ts';

/** A device whose certificate is soon due, and the account of its role. */
export interface DueDevice {
  readonly directory: string;
  readonly file: string;
  readonly keyFile: string;
  readonly first: Issued;
}

/** @param authority - issues the first certificate. @param anchors - PEM of the trust anchor. */
export async function dueDevice(workshop: Workshop, authority: Authority, anchors: string): Promise<DueDevice> {
  const directory = path.join(workshop.directory, 'account');
  await createAccount(directory);
  await writeFile(path.join(directory, 'root-ca.pem'), anchors);
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const first = await authority.issue({
    ...{ subject: 'CN=device-0001,OU=Devices', notBefore: now - 60_000, notAfter: now + 240_000 },
  });
  const device = {
    directory,
    first,
    file: path.join(directory, 'device.pem'),
    keyFile: path.join(directory, 'device.key'),
  };
  await writeFile(device.file, first.certificatePem + authority.certificatePem);
  await writeFile(device.keyFile, first.keyPem);
  return device;
}

/** With short sessions, so that a new certificate is soon tried. */
export async function startEmulator(
  workshop: Workshop,
  { directory }: DueDevice,
  ...flags: string[]
): Promise<{ readonly config: string; readonly url: string }> {
  const short = ['--grant-seconds', '10'];
  const program = workshop.start(['emulate', '--dir', directory, '--listen', '127.0.0.1:0', ...short, ...flags]);
  const [, url = ''] = await program.says(/endpoint: (http:\S+)/);
  await program.says(/export AWS_.*\n/);
  return { config: program.stdout, url };
}

/** Starts a daemon that renews with a script, and waits for the certificate in its file. */
export async function renewed(
  workshop: Workshop,
  { file }: DueDevice,
  { config, script }: { readonly config: string; readonly script: string },
): Promise<{ readonly certificate: X509Certificate; readonly program: RunningProgram }> {
  const command = await workshop.write('renew-certificate', script);
  await chmod(command, 0o700);
  const renew = `  renew: { command: ['${command}'], at: 0.1 }`;
  const { program } = await workshop.daemon(config.replace(/^( {2}privateKey: .*)$/m, `$1\n${renew}`));
  await program.says(/renewed certificate written/, 90_000);
  const certificate = new X509Certificate(await readFile(file));
  await program.says(new RegExp(`/${certificate.serialNumber.toLowerCase()}".*"msg":"role session granted"`), 30_000);
  return { certificate, program };
}
