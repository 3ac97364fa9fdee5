/**
 * A new key in a file of its own. It is written next to the previous one before its certificate is,
 * and takes its place afterwards. So the key of the certificate is on disk at every moment.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { fileStep, readIn } from '../files/open-file.ts';
import { type FileContent, readFileContent } from '../files/read-file.ts';
import { replaceFile } from '../files/replace-file.ts';
import { checkSteps, dangerIn, openSafePlace } from '../files/safe-place.ts';
import { messageOf } from '../foundation/errors.ts';
import { certificateFields } from '../identity/certificate-fields.ts';
import { readIdentityContent } from '../identity/identity-content.ts';
import { type PairFiles, readNextKey } from '../identity/next-key.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { keyPem, writeCertificate } from './certificate-file.ts';
import { renewalError } from './renewal-errors.ts';

/** A granted certificate that is not in the file yet. */
export interface Unwritten {
  readonly identity: SigningIdentity;
  readonly file: string;
  /** What the file had when the program was asked. */
  readonly before: Buffer;
  readonly freshKey: KeyObject | undefined;
  /** If the key is in another file. */
  readonly files: PairFiles | undefined;
}

/** @returns false if another program has written a certificate. @throws CodedError */
export function writeRenewed({ identity, file, before, freshKey, files }: Unwritten): Promise<boolean> {
  return files && freshKey
    ? writePair(files, before, identity, freshKey)
    : writeCertificate(file, before, identity, freshKey);
}

/**
 * Like {@link writeCertificate}, with a new key for the other file.
 *
 * @throws CodedError
 */
export async function writePair(
  files: PairFiles,
  before: Buffer,
  identity: SigningIdentity,
  freshKey: KeyObject,
): Promise<boolean> {
  await settleNextKey(files);
  await replaceKey(files, 'nextKey', keyPem(freshKey));
  const isWritten = await writeCertificate(files.certificate, before, identity);
  await settleNextKey(files);
  return isWritten;
}

/**
 * After a crash, or another program's certificate: the next key takes the place of the previous one
 * if its certificate is there, and is removed otherwise.
 *
 * @throws CodedError
 */
export async function settleNextKey(files: PairFiles): Promise<void> {
  const next = await readNextKey(files);
  if (!next) return;
  const danger = files.allowReadableKey ? undefined : dangerIn(next.findings);
  if (danger) throw danger;
  const spki = publicKeyOf(next).export({ format: 'der', type: 'spki' });
  const { certificates } = await readIdentityContent(await readFileContent(files.certificate), undefined);
  const isInUse = certificates.some((each) => certificateFields(each).publicKeyInfo.equals(spki));
  if (isInUse) await replaceKey(files, 'privateKey', next.content);
  const place = await openSafePlace(files.nextKey, { use: 'written' });
  await rm(place.file, { force: true }).finally(place.close);
}

function publicKeyOf({ path, content }: FileContent): KeyObject {
  try {
    return createPublicKey(content);
  } catch (error) {
    throw renewalError('RENEWAL_NOT_WRITTEN', `${path} is in the way of a new key, and holds no key itself`, error);
  }
}

/**
 * With the owner and mode of the key that is replaced. They are checked as they will be when the
 * next key takes its place, so that it fails before the certificate is written.
 */
async function replaceKey(files: PairFiles, target: 'privateKey' | 'nextKey', content: string | Buffer): Promise<void> {
  const file = files[target];
  try {
    const previous = await openSafePlace(files.privateKey, { use: 'written' }, { followLast: true });
    const place = target === 'privateKey' ? previous : await openSafePlace(file, { use: 'written' });
    try {
      const stats = (await readIn(previous, (each) => each.isFile()))?.stats;
      if (stats && !files.allowReadableKey) await checkSteps(fileStep(files.privateKey, stats), { use: 'trusted' });
      const mode = (stats?.mode ?? 0o600) & 0o777;
      await replaceFile(place, { content, mode, uid: stats?.uid, gid: stats?.gid });
    } finally {
      await Promise.all([previous.close(), place.close()]);
    }
  } catch (error) {
    throw renewalError('RENEWAL_NOT_WRITTEN', `${file} cannot be written: ${messageOf(error)}`, error);
  }
}
