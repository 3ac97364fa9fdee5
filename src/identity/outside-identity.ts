// What of an identity is not in files: keys and certificates in tokens and other programs.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import path from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import { inspectFile } from '../files/inspect-file.ts';
import { dangerIn } from '../files/safe-place.ts';
import type { KeySource } from '../keys/key-source.ts';
import type { OutsideKeys } from '../keys/outside-keys.ts';
import type { LoadContext } from './load-identity.ts';
import type { OutsideContents } from './outside-contents.ts';
import { readPassphrase } from './passphrase.ts';
import { tpmSecret } from './tpm-key-content.ts';
import type { ReadIdentity } from './watched-identity.ts';

/** Reads an identity of which key or certificate may be outside the files, and proves such a pair by one signature. */
export function withOutsideKeys(readFiles: ReadIdentity, keys: OutsideKeys): ReadIdentity {
  const read = withOutsideContents(readFiles, keys);
  return async (config, context, signal) => {
    const loaded = await read(config, context, signal);
    // The signer verifies what it has signed.
    if (loaded.identity.key.kind !== 'file') await keys.sign(loaded.identity, randomBytes(32), signal);
    return loaded;
  };
}

/**
 * Leaves the proof of such a pair to its first signature, for a command that signs at once.
 *
 * @param readFiles - the rest of it.
 */
export function withOutsideContents(readFiles: ReadIdentity, keys: OutsideKeys): ReadIdentity {
  return async (config, context, signal) => {
    await checkPrograms(config);
    const outside = await outsideContents(config, context, keys, signal);
    return readFiles(config, outside ? { ...context, outside } : context, signal);
  };
}

/** A command or module that others can change would run as the user of the daemon. @throws CodedError of `fileErrors` */
export async function checkPrograms({ certificate, privateKey, allowReadableKey }: IdentityConfig): Promise<void> {
  if (allowReadableKey) return;
  const programs = [certificate, privateKey].flatMap((named) => (typeof named === 'object' ? programOf(named) : []));
  for (const file of new Set(programs)) {
    const danger = dangerIn(await inspectFile(file, { use: 'trusted' }));
    if (danger) throw danger;
  }
}

function programOf(source: KeySource): string[] {
  switch (source.kind) {
    case 'command':
      return [source.argv[0]];
    case 'pkcs11':
      // One without a path is where only root writes.
      return [source.module].filter((module) => path.isAbsolute(module));
    case 'tpm':
    case 'ssh-agent':
      return [];
  }
}

/** Undefined where everything is in files. */
async function outsideContents(
  config: IdentityConfig,
  context: LoadContext,
  keys: OutsideKeys,
  signal: AbortSignal,
): Promise<OutsideContents | undefined> {
  const { certificate, privateKey } = config;
  const source = typeof privateKey === 'object' ? privateKey : undefined;
  if (!source && typeof certificate === 'string') return undefined;
  const secret = await secretOf(config, context);
  const certificates =
    typeof certificate === 'object' ? await keys.certificates(certificate, secret, signal) : undefined;
  const publicKeys = source && (await keys.publicKeys(source, secret, signal));
  return { key: source && { source, secret, publicKeys }, certificates };
}

/** All that may be asked for before the key signs. @throws CodedError */
export async function secretOf(
  config: IdentityConfig,
  { environment, read }: LoadContext,
): Promise<KeyObject | undefined> {
  const { passphrase: source, privateKey, allowReadableKey } = config;
  const passphrase = source && (await readPassphrase(source, environment, { allowReadableKey, read }));
  if (typeof privateKey === 'object' && privateKey.kind === 'tpm')
    return tpmSecret(passphrase, { config, environment, read });
  return passphrase && createSecretKey(Buffer.from(passphrase.reveal(), 'utf8'));
}
