import { existsSync } from 'node:fs';
import { Command } from 'commander';
import type { IdentityConfig } from '../config/config.ts';
import type { IdentityFlags } from '../config/from-flags.ts';
import { readEachOnce } from '../files/read-file.ts';
import { systemClock } from '../foundation/clock.ts';
import { writeAnswer } from './answer.ts';
import { commandError } from './command-errors.ts';
import { collected } from './option-values.ts';

type KeyFlags = Pick<
  IdentityFlags,
  'privateKey' | 'pkcs11Lib' | 'passphraseFile' | 'passphraseEnv' | 'allowReadableKey'
>;

interface Flags extends KeyFlags {
  readonly config?: string;
  readonly publicKey?: string;
  readonly subject: string;
  readonly san?: readonly string[];
}

export function csrCommand(): Command {
  return new Command('csr')
    .description('print a certificate signing request (PKCS#10) for a private key')
    .option('-c, --config <file>', 'configuration file whose key the certificate is for')
    .option('--private-key <file>', 'private key that the certificate is for, pkcs11:URI, handle:NUMBER or ssh-agent:')
    .option('--public-key <file>', 'which key, where there are several: its public key or an old certificate')
    .requiredOption('--subject <name>', "subject, such as 'CN=device-0001,O=Example'")
    .option('--san <name>', 'alternative name: dns:, ip:, uri: or email: and the name; repeat for more', collected)
    .option('--passphrase-file <file>', 'file with the passphrase or PIN of the key')
    .option('--passphrase-env <variable>', 'environment variable with the passphrase or PIN of the key')
    .option('--pkcs11-lib <file>', 'PKCS#11 module of the token (default: p11-kit-proxy.so)')
    .option('--allow-readable-key', 'accept a key file that others can read')
    .action(async (flags: Flags) => {
      await writeAnswer(await requestFor(flags));
    });
}

async function requestFor({ subject, san = [], config, publicKey: named, ...flags }: Flags): Promise<string> {
  const [{ certificateRequest, requestPem }, { nameFromText }, { requestedKey }, { keysOfCommand }] = await Promise.all(
    [
      import('../identity/certificate-request.ts'),
      import('../identity/name-from-text.ts'),
      import('../identity/requested-key.ts'),
      import('../keys/outside-keys.ts'),
    ],
  );
  const subjectName = nameFromText(subject);
  const identity = await identityFrom(config, flags);
  const keys = keysOfCommand(process.env);
  const context = { now: systemClock.now(), environment: process.env, read: readEachOnce() };
  const wanted = { keys, named: named ?? (config === undefined ? undefined : existingCertificate(identity)) };
  const { publicKey, ...key } = await requestedKey(identity, context, wanted);
  const { signal } = new AbortController();
  const content = { subject: subjectName, alternativeNames: san, publicKey, algorithm: key.algorithm };
  return requestPem(await certificateRequest(content, (message) => keys.sign(key, message, signal)));
}

async function identityFrom(config: string | undefined, flags: KeyFlags): Promise<IdentityConfig> {
  const given = Object.keys(flags);
  if (config !== undefined) {
    if (given.length > 0)
      throw commandError('TWO_CONFIGURATIONS', `both ${config} and flags (${given.join(', ')}) were given`);
    return (await (await import('../config/load-config.ts')).loadConfig(config)).identity;
  }
  if (flags.privateKey === undefined)
    throw commandError('NO_CONFIGURATION', 'neither a configuration file nor --private-key was given');
  const { keyFromFlags } = await import('../config/from-flags.ts');
  return keyFromFlags(flags, process.cwd());
}

/** It names the key that it was issued for. A first request has none. */
function existingCertificate({ certificate, privateKey }: IdentityConfig): string | undefined {
  return typeof certificate === 'string' && typeof privateKey === 'object' && existsSync(certificate)
    ? certificate
    : undefined;
}
