import { createPublicKey } from 'node:crypto';
import path from 'node:path';
import { Command } from 'commander';
import type { IdentityConfig } from '../config/config.ts';
import { readEachOnce } from '../files/read-file.ts';
import { writeAnswer } from './answer.ts';

interface Flags {
  readonly privateKey: string;
  readonly subject: string;
  readonly san: readonly string[];
  readonly passphraseFile?: string;
  readonly passphraseEnv?: string;
  readonly allowReadableKey?: boolean;
}

export function csrCommand(): Command {
  return new Command('csr')
    .description('print a certificate signing request (PKCS#10) for a private key')
    .requiredOption('--private-key <file>', 'private key that the certificate is for')
    .requiredOption('--subject <name>', "subject, such as 'CN=device-0001,O=Example'")
    .option('--san <name>', 'alternative name: dns:, ip:, uri: or email: and the name; repeat for more', collected, [])
    .option('--passphrase-file <file>', 'file with the passphrase of the key')
    .option('--passphrase-env <variable>', 'environment variable with the passphrase of the key')
    .option('--allow-readable-key', 'accept a key file that others can read')
    .action(async (flags: Flags) => {
      await writeAnswer(pem(await requestFor(flags)));
    });
}

function collected(name: string, before: readonly string[]): readonly string[] {
  return [...before, name];
}

async function requestFor({ subject, san, ...flags }: Flags): Promise<Buffer> {
  const [{ certificateRequest }, { nameFromText }, { loadKeyAlone }, { signingAlgorithm }, { signerWith }, processes] =
    await Promise.all([
      import('../identity/certificate-request.ts'),
      import('../identity/name-from-text.ts'),
      import('../identity/key-alone.ts'),
      import('../identity/signing-algorithm.ts'),
      import('../keys/signer.ts'),
      import('../keys/ask-key-process.ts'),
    ]);
  const named = nameFromText(subject);
  const key = await loadKeyAlone(path.resolve(flags.privateKey), secretOf(flags), process.env, readEachOnce());
  const publicKey = key.kind === 'file' ? createPublicKey(key.privateKey) : key.publicKey;
  const algorithm = signingAlgorithm(publicKey, flags.privateKey);
  const sign = signerWith(processes.keyProcesses({ environment: process.env, log: () => undefined }));
  const { signal } = new AbortController();
  const content = { subject: named, alternativeNames: san, publicKey, algorithm };
  return certificateRequest(content, (message) => sign({ algorithm, key }, message, signal));
}

function secretOf({
  passphraseFile,
  passphraseEnv,
  allowReadableKey,
}: Omit<Flags, 'subject' | 'san'>): Pick<IdentityConfig, 'passphrase' | 'allowReadableKey'> {
  return {
    ...(passphraseEnv !== undefined && { passphrase: { from: 'environment', variable: passphraseEnv } }),
    ...(passphraseFile !== undefined && { passphrase: { from: 'file', path: path.resolve(passphraseFile) } }),
    allowReadableKey: allowReadableKey ?? false,
  };
}

function pem(request: Buffer): string {
  const lines = request.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n');
}
