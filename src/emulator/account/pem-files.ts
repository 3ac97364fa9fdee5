import { readFile } from 'node:fs/promises';
import { messageOf } from '../../foundation/errors.ts';
import { type Certificate, readCertificate } from '../../identity/certificate.ts';
import { emulatorError } from '../emulator-errors.ts';
import { readRevocationList, revocationListsIn } from './revocation.ts';
import { x509 } from './x509.ts';

/** The CA certificates of a trust anchor's PEM file. */
export function readAuthorities(path: string): Promise<Certificate[]> {
  return readingFile(path, (bytes) => {
    const certificates = x509.PemConverter.decodeWithHeaders(bytes.toString('latin1'))
      .filter(({ type }) => type === 'CERTIFICATE')
      .map(({ rawData }) => readCertificate(Buffer.from(rawData)));
    if (certificates.length === 0) throw new Error('it has no certificate');
    certificates.forEach(assertAuthority);
    return certificates;
  });
}

/**
 * The service rejects such a trust anchor when it is created ("Incorrect basic constraints for CA
 * certificate").
 */
function assertAuthority({ subjectText, isCa, keyUsage }: Certificate): void {
  if (isCa !== true) throw new Error(`${subjectText} is no CA certificate (basicConstraints CA:TRUE)`);
  if (!keyUsage?.has('keyCertSign')) throw new Error(`${subjectText} lacks keyUsage keyCertSign`);
}

/**
 * The revocation lists of a file, DER. Each is parsed once, so that an invalid one is found here
 * instead of at the first call.
 */
export function readRevocationLists(path: string): Promise<Buffer[]> {
  return readingFile(path, (bytes) => {
    const lists = revocationListsIn(bytes);
    if (lists.length === 0) throw new Error('it has no revocation list');
    lists.forEach(readRevocationList);
    return lists;
  });
}

async function readingFile<Content>(path: string, read: (bytes: Buffer) => Content): Promise<Content> {
  try {
    return read(await readFile(path));
  } catch (error) {
    throw emulatorError('EMULATOR_CERTIFICATE_UNREADABLE', `${path}: ${messageOf(error)}`, error);
  }
}
