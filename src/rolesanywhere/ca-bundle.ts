import { X509Certificate } from 'node:crypto';
import { readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { readTrusted } from '../files/open-file.ts';
import { CodedError, messageOf } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

/**
 * The CAs to trust instead of Node's own; undefined if none are configured. The configuration takes
 * precedence over SSL_CERT_FILE and SSL_CERT_DIR, which OpenSSL, Go and the AWS helper also read.
 *
 * @throws CodedError CA_BUNDLE_UNREADABLE, CA_BUNDLE_EMPTY
 */
export async function trustedCas(
  caBundle: string | undefined,
  environment: Environment,
): Promise<readonly string[] | undefined> {
  if (caBundle !== undefined) return readCaBundle(caBundle);
  const { SSL_CERT_FILE: file = '', SSL_CERT_DIR: directories = '' } = environment;
  if (file === '' && directories === '') return undefined;
  const ofFile = file === '' ? [] : await readCaBundle(file);
  const ofDirectories = await Promise.all(directories.split(':').filter(Boolean).map(readCaDirectory));
  // Debian's directory has each certificate twice.
  return [...new Set([...ofFile, ...ofDirectories.flat()])];
}

/** Every PEM certificate in a directory. Skips other and damaged files, as OpenSSL does. */
async function readCaDirectory(directory: string): Promise<readonly string[]> {
  const names = await readNames(directory);
  const read = async (name: string): Promise<readonly string[]> => {
    const file = path.join(directory, name);
    // OpenSSL finds a certificate by a link such as 0123abcd.0 to another name in the directory.
    const target = await readlink(file).catch(() => undefined);
    return target !== undefined && names.includes(target) ? [] : readCaBundle(file).catch(() => []);
  };
  const certificates = (await Promise.all(names.map(read))).flat();
  if (certificates.length === 0)
    throw rolesAnywhereError('CA_BUNDLE_EMPTY', `the directory ${directory} (SSL_CERT_DIR) holds no PEM certificate`);
  return certificates;
}

async function readNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const what = `cannot read the directory ${directory} (SSL_CERT_DIR): ${messageOf(error)}`;
    throw rolesAnywhereError('CA_BUNDLE_UNREADABLE', what, error);
  }
}

/**
 * The certificates of a PEM file, one text each. Node itself skips unreadable ones, and then
 * silently trusts no CA.
 *
 * @throws CodedError CA_BUNDLE_UNREADABLE, CA_BUNDLE_EMPTY, or one of `fileErrors` if other users
 * could change it
 */
async function readCaBundle(path: string): Promise<readonly string[]> {
  const blocks = (await readText(path)).match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw rolesAnywhereError('CA_BUNDLE_EMPTY', `${path} holds no PEM certificate`);
  blocks.forEach((block, index) => {
    checkCertificate(block, `certificate ${index + 1} in ${path}`);
  });
  return blocks;
}

/** A longer file is not a list of CAs. */
const MOST_BYTES = 16 * 1024 * 1024;

async function readText(path: string): Promise<string> {
  try {
    return (await readTrusted(path, MOST_BYTES)).toString('utf8');
  } catch (error) {
    if (error instanceof CodedError) throw error;
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
