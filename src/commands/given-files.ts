// What the options of `policy` and `init` name: certificates, and JSON as the AWS CLI prints it.
import type { IdentityConfig } from '../config/config.ts';
import { readEachOnce } from '../files/read-file.ts';
import { asCodedError, messageOf } from '../foundation/errors.ts';
import { utf8Text } from '../foundation/utf8-text.ts';
import type { Certificate } from '../identity/certificate.ts';
import { commandError } from './command-errors.ts';

/** Of a PKCS#12 file. */
export interface PassphraseFlags {
  readonly passphraseFile?: string;
  readonly passphraseEnv?: string;
}

type Lock = Pick<IdentityConfig, 'passphrase' | 'allowReadableKey'>;

export function lockOf({ passphraseFile, passphraseEnv }: PassphraseFlags): Lock | undefined {
  if (passphraseFile !== undefined)
    return { passphrase: { from: 'file', path: passphraseFile }, allowReadableKey: false };
  return passphraseEnv === undefined
    ? undefined
    : { passphrase: { from: 'environment', variable: passphraseEnv }, allowReadableKey: false };
}

/** The first one that is no CA. */
export async function certificateIn(file: string, identity?: Lock): Promise<Certificate> {
  const decoded = await certificatesIn(file, identity);
  const certificate = decoded.find(({ isCa }) => isCa !== true) ?? decoded[0];
  if (certificate) return certificate;
  const { identityError } = await import('../identity/identity-errors.ts');
  throw identityError('NO_CERTIFICATE', `${file} has no certificate`);
}

/** Only PKCS#12 needs the passphrase of the identity. */
export async function certificatesIn(file: string, identity?: Lock): Promise<readonly Certificate[]> {
  const [{ readIdentityContent }, { readCertificate }] = await Promise.all([
    import('../identity/identity-content.ts'),
    import('../identity/certificate.ts'),
  ]);
  const read = readEachOnce();
  const content = await read(file);
  const { passphrase } = identity ?? {};
  const { certificates } = await readIdentityContent(content, undefined).catch(async (error: unknown) => {
    if (!identity || !passphrase || asCodedError(error).code !== 'PASSPHRASE_MISSING') throw error;
    const { readPassphrase } = await import('../identity/passphrase.ts');
    return readIdentityContent(content, await readPassphrase(passphrase, process.env, { ...identity, read }));
  });
  return certificates.map(readCertificate);
}

export async function jsonFile(file: string): Promise<unknown> {
  const { content } = await readEachOnce()(file);
  try {
    return JSON.parse(utf8Text(content));
  } catch (error) {
    throw commandError('NOT_JSON', `${file}: ${messageOf(error)}`, error);
  }
}
