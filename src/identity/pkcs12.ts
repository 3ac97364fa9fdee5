// The only import of node-forge, loaded only for PKCS#12 files (RFC 7292).
import forge from 'node-forge';
import { CodedError, messageOf } from '../foundation/errors.ts';
import type { Secret } from '../foundation/secret.ts';
import { identityError } from './identity-errors.ts';
import { checkDerivationCost } from './key-derivation.ts';
import { passphraseHint } from './passphrase.ts';
import type { EncodedKey } from './private-key.ts';

export interface Pkcs12Content {
  /** DER. */
  readonly certificates: readonly Buffer[];
  readonly keys: readonly EncodedKey[];
}

type Asn1 = forge.asn1.Asn1;

/**
 * node-forge derives keys in JavaScript: 500 000 rounds take 3 to 10 seconds. OpenSSL, Windows and
 * keytool use 6 000 to 30 000 per file.
 */
const MOST_ROUNDS = 500_000;

/** @throws PASSPHRASE_MISSING, PASSPHRASE_WRONG, KEY_DERIVATION_TOO_COSTLY, PKCS12_UNREADABLE */
export function openPkcs12(content: Buffer, passphrase: Secret | undefined, path: string): Pkcs12Content {
  try {
    const pfx = forge.asn1.fromDer(content.toString('latin1'));
    checkDerivationCost(encoded(pfx), MOST_ROUNDS, path);
    checkMac(pfx, path);
    const bags = decrypted(pfx, passphrase?.reveal()).safeContents.flatMap(({ safeBags }) => safeBags);
    return { certificates: bags.flatMap(certificateIn), keys: bags.flatMap(keyIn) };
  } catch (error) {
    throw error instanceof CodedError ? error : openingError(error, passphrase, path);
  }
}

/** The digests that node-forge supports for a MAC. */
const MACS: ReadonlySet<string> = new Set(
  ['md5', 'sha1', 'sha256', 'sha384', 'sha512'].map((name) => forge.pki.oids[name] ?? ''),
);
const OTHER_MACS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.5.14': 'PBMAC1 (RFC 9579)',
  '2.16.840.1.101.3.4.2.4': 'HMAC-SHA-224',
  '2.16.840.1.101.3.4.2.7': 'HMAC-SHA3-224',
  '2.16.840.1.101.3.4.2.8': 'HMAC-SHA3-256',
  '2.16.840.1.101.3.4.2.9': 'HMAC-SHA3-384',
  '2.16.840.1.101.3.4.2.10': 'HMAC-SHA3-512',
};

/**
 * `MacData ::= SEQUENCE { mac DigestInfo, ...`, which starts with an AlgorithmIdentifier (RFC 7292
 * 4).
 */
function checkMac(pfx: Asn1, path: string): void {
  const [, , macData] = pfx.value as readonly Asn1[];
  let first: Asn1 | undefined = macData;
  for (let depth = 0; depth < 3; depth += 1) first = Array.isArray(first?.value) ? first.value[0] : undefined;
  if (typeof first?.value !== 'string') return;
  const oid = forge.asn1.derToOid(first.value);
  if (MACS.has(oid)) return;
  const what = `${path} is PKCS#12 whose MAC is ${OTHER_MACS[oid] ?? oid}, which is not supported`;
  throw identityError('PKCS12_UNREADABLE', what);
}

function decrypted(pfx: Asn1, passphrase = ''): forge.pkcs12.Pkcs12Pfx {
  return passphrase === '' ? decryptedByNothing(pfx) : decryptedBy(pfx, passphrase);
}

/** "No passphrase" has two encodings: none, and the empty string (RFC 7292 B.1 leaves it open). */
function decryptedByNothing(pfx: Asn1): forge.pkcs12.Pkcs12Pfx {
  try {
    return forge.pkcs12.pkcs12FromAsn1(pfx, false);
  } catch {
    return forge.pkcs12.pkcs12FromAsn1(pfx, false, '');
  }
}

/**
 * The MAC and the old ciphers use the passphrase as UTF-16 (BMPString), PBES2 uses its UTF-8 bytes.
 * node-forge uses the same for both. So verify the MAC with the text, and if it is valid but
 * decryption fails, open the rest without it.
 */
function decryptedBy(pfx: Asn1, passphrase: string): forge.pkcs12.Pkcs12Pfx {
  try {
    return forge.pkcs12.pkcs12FromAsn1(pfx, false, passphrase);
  } catch (error) {
    if (isAscii(passphrase) || WRONG_MAC.test(messageOf(error))) throw error;
    const withoutMac = { ...pfx, value: pfx.value.slice(0, 2) };
    return forge.pkcs12.pkcs12FromAsn1(withoutMac, false, forge.util.encodeUtf8(passphrase));
  }
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

type Bag = forge.pkcs12.Bag;

/** node-forge parses RSA and keeps everything else. The encoding stays the same in both cases. */
function certificateIn({ type, cert, asn1 }: Bag): Buffer[] {
  if (type !== forge.pki.oids['certBag']) return [];
  return [encoded(cert ? forge.pki.certificateToAsn1(cert) : asn1)];
}

function keyIn({ type, key, asn1 }: Bag): EncodedKey[] {
  if (type === forge.pki.oids['certBag']) return [];
  return [
    key ? { form: 'pkcs1', der: encoded(forge.pki.privateKeyToAsn1(key)) } : { form: 'pkcs8', der: encoded(asn1) },
  ];
}

function encoded(asn1: Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
}

const SECRET_BAG = /SafeBag type/;
const SECRET_REASON = 'it holds an entry that is neither a key pair nor a certificate, such as a secret key of keytool';
const WRONG_MAC = /MAC could not be verified/;
const WRONG_PASSPHRASE = /MAC could not be verified|Failed to decrypt|wrong password/;

function openingError(error: unknown, passphrase: Secret | undefined, path: string): CodedError {
  if (!WRONG_PASSPHRASE.test(messageOf(error))) {
    const reason = SECRET_BAG.test(messageOf(error)) ? SECRET_REASON : messageOf(error);
    return identityError('PKCS12_UNREADABLE', `${path} is PKCS#12 in a form that cannot be read: ${reason}`, error);
  }
  return passphrase
    ? identityError('PASSPHRASE_WRONG', `the passphrase does not open ${path}${passphraseHint(passphrase)}`, error)
    : identityError('PASSPHRASE_MISSING', `${path} is encrypted`, error);
}
