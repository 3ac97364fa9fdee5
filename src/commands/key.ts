import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { Argument, Command, Option } from 'commander';
import type { PassphraseSource } from '../config/config.ts';
import { createFile } from '../files/create-file.ts';
import { CodedError, messageOf } from '../foundation/errors.ts';
import type { NewKeyType } from '../keys/tpm/public-area.ts';
import { writeAnswer } from './answer.ts';
import { commandError } from './command-errors.ts';

interface Flags {
  readonly tpm: string;
  readonly type: NewKeyType;
  readonly tpmDevice?: string;
  readonly passphraseFile?: string;
  readonly passphraseEnv?: string;
  readonly ownerPasswordFile?: string;
}

export function keyCommand(): Command {
  return new Command('key')
    .description('make a private key in a TPM 2.0, which it never leaves')
    .addArgument(new Argument('<action>', 'what to do').choices(['new']))
    .requiredOption('--tpm <file>', 'new file for the key, encrypted so that only this TPM can use it')
    .addOption(new Option('--type <type>', 'kind of key').choices(['ec-p256', 'rsa-2048']).default('ec-p256'))
    .option('--tpm-device <path>', 'device or Unix socket of the TPM (default: $TPM_DEVICE, or /dev/tpmrm0)')
    .option('--passphrase-file <file>', 'file with a password for the key')
    .option('--passphrase-env <variable>', 'environment variable with a password for the key')
    .option('--owner-password-file <file>', 'file with the password of the owner hierarchy of the TPM')
    .action(async (_action: string, flags: Flags) => {
      await writeNewKey(flags);
      await writeAnswer(nextSteps(flags.tpm));
    });
}

/** The file comes first: a key that cannot be written down is lost. */
async function writeNewKey(flags: Flags): Promise<void> {
  try {
    await createFile(flags.tpm, () => madeKey(flags));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw commandError('KEY_FILE_NOT_WRITTEN', messageOf(error), error);
  }
}

/** An RSA key takes some TPMs a minute. */
const DEADLINE_MS = 180_000;

async function madeKey({ type, tpmDevice, ownerPasswordFile, ...password }: Flags): Promise<string> {
  const [{ newKey }, { openDevice, DEFAULT_DEVICE }, { keyFileText }] = await Promise.all([
    import('../keys/tpm/creation.ts'),
    import('../keys/tpm/device.ts'),
    import('../keys/tpm/key-file.ts'),
  ]);
  const passwords = {
    key: await secretBytes(keyPassword(password)),
    owner: await secretBytes(ownerPasswordFile === undefined ? undefined : fileSource(ownerPasswordFile)),
  };
  const tpm = await openDevice(tpmDevice ?? process.env['TPM_DEVICE'] ?? DEFAULT_DEVICE, DEADLINE_MS);
  try {
    return keyFileText(await newKey({ exchange: tpm.exchange, random: randomBytes }, type, passwords));
  } finally {
    tpm.close();
  }
}

function keyPassword({
  passphraseFile,
  passphraseEnv,
}: Pick<Flags, 'passphraseFile' | 'passphraseEnv'>): PassphraseSource | undefined {
  if (passphraseFile !== undefined) return fileSource(passphraseFile);
  return passphraseEnv === undefined ? undefined : { from: 'environment', variable: passphraseEnv };
}

function fileSource(name: string): PassphraseSource {
  return { from: 'file', path: path.resolve(name) };
}

async function secretBytes(source: PassphraseSource | undefined): Promise<Buffer> {
  if (!source) return Buffer.alloc(0);
  const { readPassphrase } = await import('../identity/passphrase.ts');
  return Buffer.from((await readPassphrase(source, process.env)).reveal());
}

function nextSteps(file: string): string {
  return [
    `${file} holds a new key that only this TPM can use.`,
    `Next: imds-anywhere csr --private-key ${file} --subject 'CN=device-0001'`,
    '',
  ].join('\n');
}
