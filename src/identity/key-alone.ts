import type { IdentityConfig } from '../config/config.ts';
import { readFileContent } from '../files/read-file.ts';
import type { Environment } from '../foundation/process-environment.ts';
import type { KeyMaterial } from '../keys/signing-key.ts';
import { readIdentityContent } from './identity-content.ts';
import { identityError } from './identity-errors.ts';
import { checkKeyAccess } from './key-access.ts';
import { readPassphrase } from './passphrase.ts';
import { readPrivateKey } from './private-key.ts';
import { tpmKey } from './tpm-key-content.ts';

/**
 * The private key without its certificate, which is expensive to read: for data that are sealed
 * with the key, and for certificate requests. It is not proven that the two belong together. The
 * first key of a file with several.
 *
 * @throws CodedError with a code of `identityErrors`.
 */
export async function loadKeyAlone(
  path: string,
  config: Pick<IdentityConfig, 'passphrase' | 'tpm' | 'allowReadableKey'>,
  environment: Environment,
  read = readFileContent,
): Promise<KeyMaterial> {
  const file = await read(path);
  const credentialsDirectory = environment['CREDENTIALS_DIRECTORY'];
  const { allowReadableKey } = config;
  checkKeyAccess(file, { allowReadableKey, self: process.geteuid?.(), credentialsDirectory });
  const passphrase = config.passphrase && (await readPassphrase(config.passphrase, environment, { ...config, read }));
  const content = await readIdentityContent(file, passphrase);
  const [key] = content.keys;
  if (!key) throw identityError('NO_PRIVATE_KEY', `${file.path} holds no private key`);
  return (
    (await tpmKey(content, { config, environment, passphrase, read })) ?? {
      kind: 'file',
      privateKey: readPrivateKey(key, passphrase, file.path),
    }
  );
}
