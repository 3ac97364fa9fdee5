import { profileParts } from '../environment/profiles.ts';
import type { SharedFile } from '../environment/sdk-settings.ts';
import { readSharedFiles } from '../environment/shared-files.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { Secret } from '../foundation/secret.ts';
import type { SigningKeys } from '../sts/signed-headers.ts';
import { accountError } from './account-errors.ts';

/**
 * The access keys of a profile in the shared AWS files of this user.
 *
 * @throws CodedError ACCOUNT_KEYS_MISSING
 */
export async function keysOfProfile(name: string, environment: Environment): Promise<SigningKeys> {
  const files = await readSharedFiles(environment);
  const parts = profileParts(name, { files });
  // Keys of one section belong together.
  const sets = parts.map(
    ({ section: { settings } }) =>
      (key: string) =>
        settings.get(key)?.value || undefined,
  );
  const setting = sets.find((of) => of('aws_access_key_id') !== undefined);
  const [accessKeyId, secret] = [setting?.('aws_access_key_id'), setting?.('aws_secret_access_key')];
  if (accessKeyId === undefined || secret === undefined) {
    const lacks = parts.length === 0 ? 'there is no profile' : 'there are no access keys in profile';
    const places = [files.config, files.credentials].map(placeText).join(' and ');
    throw accountError('ACCOUNT_KEYS_MISSING', `${lacks} ${JSON.stringify(name)} of ${places}`);
  }
  const token = setting?.('aws_session_token');
  return {
    accessKeyId,
    secretAccessKey: new Secret(secret),
    ...(token !== undefined && { sessionToken: new Secret(token) }),
  };
}

function placeText({ path, unreadable }: SharedFile): string {
  return unreadable === undefined ? path : `${path} (${unreadable})`;
}
