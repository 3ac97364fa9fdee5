/** The file of the certificate, which is replaced in place. */
import type { KeyObject } from 'node:crypto';
import { readIn } from '../files/open-file.ts';
import { replaceFile } from '../files/replace-file.ts';
import { openSafePlace } from '../files/safe-place.ts';
import { type CodedError, messageOf } from '../foundation/errors.ts';
import { pemBlocks, pemOf, pemText } from '../identity/pem.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { isPkcs12Start } from '../identity/unknown-format.ts';
import { renewalError } from './renewal-errors.ts';

/** @returns RENEWAL_FILE_FORM for a file that cannot be written. */
export function formFault(file: string, content: Buffer): CodedError | undefined {
  return isPkcs12Start(content) ? renewalError('RENEWAL_FILE_FORM', `${file} is PKCS#12`) : undefined;
}

/**
 * Writes the certificate and its chain, and keeps the key if it is in the same file. The owner and
 * mode of the file stay. Does nothing if the file has another content than `before`: then another
 * program has renewed the certificate.
 *
 * @param freshKey - replaces the key in the file.
 * @throws RENEWAL_NOT_WRITTEN
 */
export async function writeCertificate(
  file: string,
  before: Buffer,
  { certificate, chain }: SigningIdentity,
  freshKey?: KeyObject,
): Promise<boolean> {
  const certificates = [certificate, ...chain].map((der) => pemOf('CERTIFICATE', der));
  const content = [...certificates, ...(freshKey ? [keyPem(freshKey)] : keysOf(file, before))].join('');
  try {
    const place = await openSafePlace(file, { use: 'written' }, { followLast: true });
    try {
      const current = await readIn(place, (stats) => stats.isFile());
      if (!current?.content.equals(before)) return false;
      const { mode, uid, gid } = current.stats;
      return await replaceFile(place, {
        content,
        mode: mode & 0o777,
        uid,
        gid,
        isWanted: async () => (await readIn(place, (stats) => stats.isFile()))?.content.equals(before) === true,
      });
    } finally {
      await place.close();
    }
  } catch (error) {
    throw renewalError('RENEWAL_NOT_WRITTEN', `${file} cannot be written: ${messageOf(error)}`, error);
  }
}

function keysOf(file: string, content: Buffer): string[] {
  const blocks = pemBlocks(content.toString('utf8'), file);
  return blocks.filter(({ label }) => label.endsWith('PRIVATE KEY')).map(pemText);
}

export function keyPem(key: KeyObject): string {
  return pemOf('PRIVATE KEY', key.export({ format: 'der', type: 'pkcs8' }));
}
