// What of an identity is not in files: keys and certificates in tokens and other programs.
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { IdentityConfig } from '../config/config.ts';
import { inspectFile } from '../files/inspect-file.ts';
import { dangerIn } from '../files/safe-place.ts';
import type { OutsideKeys } from '../keys/outside-keys.ts';
import type { LoadContext } from './load-identity.ts';
import type { OutsideContents } from './outside-contents.ts';
import { readPassphrase } from './passphrase.ts';
import { tpmSecret } from './tpm-key-content.ts';
import type { LoadedIdentity } from './signing-identity.ts';
import type { ReadIdentity } from './watched-identity.ts';

/**
 * Reads an identity of which key or certificate may be outside the files, and proves such a pair by one signature.
 *
 * @param readFiles - the rest of it.
 */
export function withOutsideKeys(readFiles: ReadIdentity, keys: OutsideKeys): ReadIdentity {
  return async (config, context, signal) => {
    await checkProgram(config);
    const outside = await outsideContents(config, context, keys, signal);
    const loaded = await readFiles(config, outside ? { ...context, outside } : context, signal);
    if (loaded.identity.key.kind !== 'file') await testPair(loaded, keys, signal);
    return loaded;
  };
}

/** A command that others can change would run as the user of the daemon. @throws CodedError of `fileErrors` */
export async function checkProgram({ privateKey, allowReadableKey }: IdentityConfig): Promise<void> {
  if (typeof privateKey !== 'object' || privateKey.kind !== 'command' || allowReadableKey) return;
  const danger = dangerIn(await inspectFile(privateKey.argv[0], { use: 'trusted' }));
  if (danger) throw danger;
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

/** The signer verifies what it has signed. */
async function testPair({ identity }: LoadedIdentity, { sign }: OutsideKeys, signal: AbortSignal): Promise<void> {
  await sign(identity, randomBytes(32), signal);
}
