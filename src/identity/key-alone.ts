import type { KeyObject } from 'node:crypto';
import type { IdentityConfig } from '../config/config.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { readIdentityContent } from './identity-content.ts';
import { identityError } from './identity-errors.ts';
import { readFileContent } from '../files/read-file.ts';
import { checkKeyAccess } from './key-access.ts';
import { readPassphrase } from './passphrase.ts';
import { readPrivateKey } from './private-key.ts';

/**
 * The private key without its certificate, whose reading loads much: for what is sealed with the key, and never for signing, as
 * nothing proves that the two belong together. The first where a file holds several.
 *
 * @throws CodedError with a code of `identityErrors`.
 */
export async function loadKeyAlone(
  path: string,
  config: Pick<IdentityConfig, 'passphrase' | 'allowReadableKey'>,
  environment: Environment,
  read = readFileContent,
): Promise<KeyObject> {
  const file = await read(path);
  const credentialsDirectory = environment['CREDENTIALS_DIRECTORY'];
  const { allowReadableKey } = config;
  checkKeyAccess(file, { allowReadableKey, self: process.geteuid?.(), credentialsDirectory });
  const passphrase = config.passphrase && (await readPassphrase(config.passphrase, environment, { ...config, read }));
  const [key] = (await readIdentityContent(file, passphrase)).keys;
  if (!key) throw identityError('NO_PRIVATE_KEY', `${file.path} holds no private key`);
  return readPrivateKey(key, passphrase, file.path);
}
