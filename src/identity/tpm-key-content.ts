// The private key of a TPM 2.0 from its encrypted key file, with the passwords that the TPM may
// require.
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { IdentityConfig, PassphraseSource } from '../config/config.ts';
import type { ReadFileContent } from '../files/read-file.ts';
import type { Environment } from '../foundation/process-environment.ts';
import type { Secret } from '../foundation/secret.ts';
import type { OutsideKey } from '../keys/signing-key.ts';
import { secretFrom } from '../keys/tpm/passwords.ts';
import type { IdentityContent } from './identity-content.ts';
import { readPassphrase } from './passphrase.ts';
import type { OutsideKeyContent } from './proven-identity.ts';

interface TpmContext {
  readonly config: Pick<IdentityConfig, 'tpm' | 'allowReadableKey'>;
  readonly environment: Environment;
  readonly read: ReadFileContent | undefined;
}

interface FileKeyContext extends TpmContext {
  readonly passphrase: Secret | undefined;
}

/** The key of a key file. @returns undefined for any other file. @throws CodedError */
export async function tpmKey(
  { path, keys: [key, another] }: Pick<IdentityContent, 'path' | 'keys'>,
  { passphrase, ...context }: FileKeyContext,
): Promise<OutsideKey | undefined> {
  if (key?.form !== 'tss2' || another) return undefined;
  const { publicKeyInFile } = await import('../keys/tpm/tpm-key.ts');
  const { device } = context.config.tpm ?? {};
  return {
    kind: 'tpm',
    key: { file: key.der, path },
    ...(device !== undefined && { device }),
    secret: await tpmSecret(passphrase, context),
    publicKey: publicKeyInFile(key.der),
  };
}

/**
 * Converts the content of a key file to a key that signs in its TPM. Returns other content
 * unchanged.
 *
 * @throws CodedError
 */
export async function keyContent(
  content: IdentityContent | OutsideKeyContent,
  context: FileKeyContext,
): Promise<IdentityContent | OutsideKeyContent> {
  const key = 'keys' in content ? await tpmKey(content, context) : undefined;
  if (!key) return content;
  const { secret, publicKey, ...source } = key;
  return { path: content.path, source, secret, publicKeys: [publicKey] };
}

/** The passwords that the TPM may require. @param passphrase - of the key. */
export async function tpmSecret(
  passphrase: Secret | undefined,
  { config: { tpm, ...rule }, environment, read }: TpmContext,
): Promise<KeyObject | undefined> {
  const textOf = async (source: PassphraseSource | undefined): Promise<string | undefined> =>
    source && (await readPassphrase(source, environment, { ...rule, read })).reveal();
  const [parent, owner] = await Promise.all([textOf(tpm?.parentPassword), textOf(tpm?.ownerPassword)]);
  const texts = { key: passphrase?.reveal(), parent, owner };
  const secret = secretFrom(texts);
  return secret === undefined ? undefined : createSecretKey(Buffer.from(secret));
}
