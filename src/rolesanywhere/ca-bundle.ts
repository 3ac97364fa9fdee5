import { X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../foundation/errors.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

/**
 * The certificates of a PEM file, one text each. Node itself skips what it cannot read, and then trusts nobody without a word.
 *
 * @throws CodedError CA_BUNDLE_UNREADABLE, CA_BUNDLE_EMPTY
 */
export async function readCaBundle(path: string): Promise<readonly string[]> {
  const blocks = (await readText(path)).match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw rolesAnywhereError('CA_BUNDLE_EMPTY', `${path} holds no PEM certificate`);
  blocks.forEach((block, index) => {
    checkCertificate(block, `certificate ${index + 1} in ${path}`);
  });
  return blocks;
}

async function readText(path: string): Promise<string> {
  try {
    // A pipe without a writer would block here for ever, and with it one of the four threads that look up names.
    return await readFile(path, { encoding: 'utf8', flag: constants.O_RDONLY | constants.O_NONBLOCK });
  } catch (error) {
    throw rolesAnywhereError('CA_BUNDLE_UNREADABLE', `cannot read the CA bundle ${path}: ${messageOf(error)}`, error);
  }
}

function checkCertificate(pem: string, name: string): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw rolesAnywhereError('CA_BUNDLE_EMPTY', `${name} cannot be read: ${messageOf(error)}`, error);
  }
}
