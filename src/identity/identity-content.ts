import type { FileContent } from '../files/read-file.ts';
import { derElements, readDer, tags } from '../foundation/der.ts';
import type { Secret } from '../foundation/secret.ts';
import { identityError } from './identity-errors.ts';
import { isEncryptedPem, type PemBlock, pemBlocks, pemDer, pemText } from './pem.ts';
import type { EncodedKey } from './private-key.ts';
import { isPkcs12Start, recognisedFormat } from './unknown-format.ts';

/** The content of a file, still encoded. Keys are still encrypted, except in PKCS#12. */
export interface IdentityContent {
  readonly path: string;
  /** DER, in file order. */
  readonly certificates: readonly Buffer[];
  readonly keys: readonly EncodedKey[];
  /** What was found, in words, for errors about missing parts. */
  readonly found: readonly string[];
  /** Blocks that are neither certificate nor key, in words, for a warning. */
  readonly skipped: readonly string[];
}

/** Detects PEM, DER or PKCS#12 by content, never by file name, and splits it. */
export async function readIdentityContent(
  { path, content }: Omit<FileContent, 'findings'>,
  passphrase: Secret | undefined,
): Promise<IdentityContent> {
  if (isPkcs12Start(content)) {
    // node-forge takes 60 ms to load, and few users have such files.
    const { openPkcs12 } = await import('./pkcs12.ts');
    return { path, ...openPkcs12(withoutNewline(content), passphrase, path), found: ['PKCS#12'], skipped: [] };
  }
  const form = derForm(content);
  if (form) return fromDer(path, content, form);
  const blocks = pemBlocks(content.toString('utf8'), path);
  if (blocks.length > 0) return fromPem(path, blocks);
  throw identityError(
    'IDENTITY_FILE_UNKNOWN_FORMAT',
    `${path} is ${recognisedFormat(content) ?? 'neither PEM nor a certificate, key or PKCS#12 in DER'}`,
  );
}

/** An editor or `echo` added it. Behind a given length, it is not part of the file. */
function withoutNewline(content: Buffer): Buffer {
  try {
    const { size } = readDer(content);
    return isBlank(content.subarray(size)) ? content.subarray(0, size) : content;
  } catch {
    return content;
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.toString('latin1').trim() === '';
}

type DerForm = 'certificate' | 'public key' | Exclude<EncodedKey['form'], 'encrypted-pem' | 'tss2' | 'foreign'>;

/** Identifies a form by its first two elements. Keyed by their tags. */
const DER_FORMS: Readonly<Record<string, DerForm>> = {
  [`${tags.sequence} ${tags.sequence}`]: 'certificate',
  [`${tags.sequence} ${tags.bitString}`]: 'public key',
  [`${tags.sequence} ${tags.octetString}`]: 'encrypted-pkcs8',
  [`${tags.integer} ${tags.sequence}`]: 'pkcs8',
  [`${tags.integer} ${tags.integer}`]: 'pkcs1',
  [`${tags.integer} ${tags.octetString}`]: 'sec1',
};

function derForm(content: Buffer): DerForm | undefined {
  try {
    const outer = readDer(content);
    if (outer.tag !== tags.sequence) return undefined;
    const [first, second] = derElements(outer.content);
    return DER_FORMS[`${first?.tag ?? ''} ${second?.tag ?? ''}`];
  } catch {
    return undefined;
  }
}

function fromDer(path: string, der: Buffer, form: DerForm): IdentityContent {
  const found = { found: [form], skipped: [] };
  if (form === 'certificate') return { path, certificates: certificatesIn(der, path), keys: [], ...found };
  return { path, certificates: [], keys: form === 'public key' ? [] : [{ form, der }], ...found };
}

function fromPem(path: string, blocks: readonly PemBlock[]): IdentityContent {
  return {
    path,
    certificates: blocks.flatMap((block) => pemCertificates(block, path)),
    keys: blocks.filter(({ label }) => label.endsWith('PRIVATE KEY')).map(pemKey),
    found: [...new Set(blocks.map(({ label }) => label))],
    skipped: blocks.filter(isSkipped).map(({ label, line }) => `${label} on line ${line}`),
  };
}

function pemCertificates(block: PemBlock, path: string): Buffer[] {
  const { label, line } = block;
  if (CERTIFICATE_LABELS.has(label))
    return certificatesIn(pemDer(block), `${path}: the block ${label} on line ${line}`);
  if (label === 'TRUSTED CERTIFICATE') return [withoutTrust(pemDer(block))];
  if (!CONTAINER_LABELS.has(label)) return [];
  throw identityError(
    'IDENTITY_FILE_UNKNOWN_FORMAT',
    `${path} has a ${label} block on line ${line}, which is not read`,
  );
}

/**
 * Concatenated DER files.
 *
 * @throws CERTIFICATE_MALFORMED if anything else follows the first.
 */
function certificatesIn(der: Buffer, where: string): Buffer[] {
  const certificates: Buffer[] = [];
  for (let rest = der; !(certificates.length > 0 && isBlank(rest));) {
    const size = derForm(rest) === 'certificate' ? readDer(rest).size : 0;
    if (size > 0) certificates.push(rest.subarray(0, size));
    else if (certificates.length === 0) return [rest];
    else throw identityError('CERTIFICATE_MALFORMED', `${where}: ${rest.length} bytes follow the certificate`);
    rest = rest.subarray(size);
  }
  return certificates;
}

/** OpenSSL's own form, from `openssl x509 -trustout`: trust settings follow the certificate. */
function withoutTrust(der: Buffer): Buffer {
  return derForm(der) === 'certificate' ? der.subarray(0, readDer(der).size) : der;
}

/** Parameters repeat information in the key. */
function isSkipped({ label }: PemBlock): boolean {
  return !(
    CERTIFICATE_LABELS.has(label) ||
    label === 'TRUSTED CERTIFICATE' ||
    label.endsWith('PRIVATE KEY') ||
    label.endsWith(' PARAMETERS')
  );
}

/** They contain certificates, so skipping them would lose some. */
const CONTAINER_LABELS: ReadonlySet<string> = new Set(['PKCS7', 'PKCS #7 SIGNED DATA', 'CMS', 'PKCS12', 'PFX']);

/** RFC 7468 5.1 and its appendix: the second is an older label. */
const CERTIFICATE_LABELS: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE']);

function pemKey(block: PemBlock): EncodedKey {
  const form = PEM_KEY_FORMS[block.label];
  if (!form) return { form: 'foreign', label: block.label };
  if (form === 'tss2') return { form, der: pemDer(block) };
  const encrypted = form !== 'encrypted-pkcs8' && isEncryptedPem(block);
  return encrypted ? { form: 'encrypted-pem', pem: pemText(block) } : { form, der: pemDer(block) };
}

const PEM_KEY_FORMS: Readonly<Record<string, 'pkcs8' | 'encrypted-pkcs8' | 'pkcs1' | 'sec1' | 'tss2'>> = {
  'PRIVATE KEY': 'pkcs8',
  'ENCRYPTED PRIVATE KEY': 'encrypted-pkcs8',
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
  'TSS2 PRIVATE KEY': 'tss2',
};
