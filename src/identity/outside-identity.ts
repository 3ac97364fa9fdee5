// The parts of an identity that are not in files: keys and certificates in tokens and other
// programs, and from a SPIFFE agent.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { IdentityConfig } from '../config/config.ts';
import { inspectArgument, inspectFile } from '../files/inspect-file.ts';
import { dangerIn } from '../files/safe-place.ts';
import type { OutsideKeys } from '../keys/outside-keys.ts';
import { isSvid } from '../spiffe/spiffe-source.ts';
import { identityFiles, type ProgramFile } from './identity-files.ts';
import type { LoadContext } from './load-identity.ts';
import type { OutsideContents } from './outside-contents.ts';
import { readPassphrase } from './passphrase.ts';
import { selectedCertificates } from './selected-certificates.ts';
import { svidIdentity } from './svid-identity.ts';
import { tpmSecret } from './tpm-key-content.ts';
import type { ReadIdentity } from './watched-identity.ts';

/**
 * Reads an identity whose key or certificate may be outside of files. Proves such a pair by one
 * signature.
 */
export function withOutsideKeys(readFiles: ReadIdentity, keys: OutsideKeys): ReadIdentity {
  const read = withOutsideContents(readFiles, keys);
  return async (config, context, signal) => {
    const loaded = await read(config, context, signal);
    // The signer verifies what it has signed.
    if (!('privateKey' in loaded.identity.key)) await keys.sign(loaded.identity, randomBytes(32), signal);
    return loaded;
  };
}

/**
 * The same without the proof, for a command that signs at once: its first signature is the proof.
 *
 * @param readFiles - reads the parts that are in files.
 */
export function withOutsideContents(readFiles: ReadIdentity, keys: OutsideKeys): ReadIdentity {
  return async (config, context, signal) => {
    const { certificate } = config;
    if (isSvid(certificate)) return svidIdentity(certificate, config, { context, readFiles, signal });
    await checkPrograms(config);
    const outside = await outsideContents(config, context, keys, signal);
    return readFiles(config, outside ? { ...context, outside } : context, signal);
  };
}

/**
 * A command or module that others can change would run as the user of the daemon.
 *
 * @throws CodedError of `fileErrors`
 */
export async function checkPrograms(config: IdentityConfig): Promise<void> {
  if (config.allowReadableKey) return;
  await checkProgramFiles(
    identityFiles(config, {}).flatMap(({ file, use }) => (use === 'content' ? [] : [{ file, use }])),
  );
}

/** @throws CodedError of `fileErrors` */
export async function checkProgramFiles(files: readonly ProgramFile[]): Promise<void> {
  for (const { file, use } of files) {
    const findings = use === 'argument' ? await inspectArgument(file) : await inspectFile(file, { use: 'trusted' });
    const danger = dangerIn(findings);
    if (danger) throw danger;
  }
}

/** Undefined if everything is in files. */
async function outsideContents(
  config: IdentityConfig,
  context: LoadContext,
  keys: OutsideKeys,
  signal: AbortSignal,
): Promise<OutsideContents | undefined> {
  const { certificate, privateKey, certificateSelector: selector } = config;
  const source = typeof privateKey === 'object' ? privateKey : undefined;
  if (!source && typeof certificate === 'string') return undefined;
  const secret = await secretOf(config, context);
  const certificates =
    typeof certificate === 'object' && certificate.kind === 'pkcs11'
      ? await keys.certificates(certificate, secret, signal)
      : undefined;
  const selected = certificates && selector ? selectedCertificates(certificates, selector, 'the token') : certificates;
  const publicKeys = source && (await keys.publicKeys(source, secret, signal));
  return { key: source && { source, secret, publicKeys }, certificates: selected };
}

/** The PIN or passwords that the key may require. @throws CodedError */
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
