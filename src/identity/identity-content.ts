import type { Secret } from '../foundation/secret.ts';
import { derElements, readDer, tags } from './der.ts';
import { identityError } from './identity-errors.ts';
import type { IdentityFile } from './identity-file.ts';
import { isEncryptedPem, pemBlocks, pemDer, pemText, type PemBlock } from './pem.ts';
import type { EncodedKey } from './private-key.ts';

/** What a file holds, still encoded (and the keys still encrypted, but for PKCS#12). */
export interface IdentityContent {
  readonly path: string;
  /** DER, in file order. */
  readonly certificates: readonly Buffer[];
  readonly keys: readonly EncodedKey[];
  /** What was found, in words; for errors that say what is missing. */
  readonly found: readonly string[];
}

/** Tells by the content, never by the file's name, whether it is PEM, DER or PKCS#12, and takes it apart. */
export async function readIdentityContent(
  { path, content }: IdentityFile,
  passphrase: Secret | undefined,
): Promise<IdentityContent> {
  if (isPkcs12(content)) {
    // node-forge takes 60 ms to load, and few have such files.
    const { openPkcs12 } = await import('./pkcs12.ts');
    return { path, ...openPkcs12(content, passphrase, path), found: ['PKCS#12'] };
  }
  const form = derForm(content);
  if (form) return fromDer(path, content, form);
  if (content.includes('-----BEGIN ')) return fromPem(path, pemBlocks(content.toString('utf8'), path));
  throw identityError(
    'IDENTITY_FILE_UNKNOWN_FORMAT',
    `${path} is neither PEM nor a certificate, key or PKCS#12 in DER`,
  );
}

/** `PFX ::= SEQUENCE { version INTEGER {v3(3)}, authSafe ContentInfo, ...` (RFC 7292 4), and the length may be BER's indefinite. */
function isPkcs12(content: Buffer): boolean {
  const lengthByte = content[1] ?? 0;
  const start = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f);
  const versionAndNext = Buffer.from([tags.integer, 1, 3, tags.sequence]);
  return content[0] === tags.sequence && content.subarray(start, start + 4).equals(versionAndNext);
}

type DerForm = 'certificate' | 'public key' | Exclude<EncodedKey['form'], 'encrypted-pem' | 'foreign'>;

/** What the first two elements are; each form differs from the others there. Keyed by their tags. */
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
  const found = [form];
  if (form === 'certificate') return { path, certificates: [der], keys: [], found };
  return { path, certificates: [], keys: form === 'public key' ? [] : [{ form, der }], found };
}

function fromPem(path: string, blocks: readonly PemBlock[]): IdentityContent {
  return {
    path,
    certificates: blocks.filter(({ label }) => CERTIFICATE_LABELS.has(label)).map(pemDer),
    keys: blocks.filter(({ label }) => label.endsWith('PRIVATE KEY')).map(pemKey),
    found: [...new Set(blocks.map(({ label }) => label))],
  };
}

/** RFC 7468 5.1 and its appendix: the second is an older spelling. */
const CERTIFICATE_LABELS: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE']);

function pemKey(block: PemBlock): EncodedKey {
  const form = PEM_KEY_FORMS[block.label];
  if (!form) return { form: 'foreign', label: block.label };
  const encrypted = form !== 'encrypted-pkcs8' && isEncryptedPem(block);
  return encrypted ? { form: 'encrypted-pem', pem: pemText(block) } : { form, der: pemDer(block) };
}

const PEM_KEY_FORMS: Readonly<Record<string, 'pkcs8' | 'encrypted-pkcs8' | 'pkcs1' | 'sec1'>> = {
  'PRIVATE KEY': 'pkcs8',
  'ENCRYPTED PRIVATE KEY': 'encrypted-pkcs8',
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
};
