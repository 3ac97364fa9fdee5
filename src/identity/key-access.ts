import { resolve, sep } from 'node:path';
import type { FileContent } from '../files/read-file.ts';
import { identityError } from './identity-errors.ts';

export interface KeyAccessRule {
  /** The operator accepts that others may read the key. */
  readonly allowReadableKey: boolean;
  /** User id of this process; undefined on Windows, where modes do not show access rights. */
  readonly self: number | undefined;
  /** $CREDENTIALS_DIRECTORY */
  readonly credentialsDirectory: string | undefined;
}

/**
 * A private key may be accessible only for its owner, and the owner is this user or root. Root may
 * also let one group read it, as certbot's manual and PostgreSQL recommend for services that are
 * not root.
 *
 * systemd's credentials are exempt: systemd gives them to the service by an access control list,
 * which stat(2) shows as group bits, and closes the directory to everyone else.
 *
 * @throws KEY_FILE_EXPOSED, KEY_FILE_FOREIGN
 */
export function checkKeyAccess(
  { path, mode, owner }: Pick<FileContent, 'path' | 'mode' | 'owner'>,
  rule: KeyAccessRule,
): void {
  const { allowReadableKey, self, credentialsDirectory } = rule;
  if (allowReadableKey || self === undefined) return;
  if ([credentialsDirectory, SYSTEM_CREDENTIALS].some((directory) => isWithin(path, directory))) return;
  const isForGroup = owner === 0 && self !== 0 && (mode & 0o026) === 0;
  if ((mode & 0o066) !== 0 && !isForGroup) {
    const bits = mode.toString(8).padStart(4, '0');
    throw identityError(
      'KEY_FILE_EXPOSED',
      `${path} holds a private key, belongs to user ${owner} and is accessible to other users (mode ${bits})`,
    );
  }
  if (owner !== self && owner !== 0) {
    throw identityError(
      'KEY_FILE_FOREIGN',
      `${path} holds a private key and belongs to user ${owner}, not to ${self} or root`,
    );
  }
}

/** Of the system's services, for a check from outside a service. */
const SYSTEM_CREDENTIALS = '/run/credentials';

function isWithin(path: string, directory: string | undefined): boolean {
  return directory !== undefined && directory !== '' && resolve(path).startsWith(resolve(directory) + sep);
}
