// The one place that imports node-forge; it is loaded only for files that are PKCS#12 (RFC 7292).
import forge from 'node-forge';
import { CodedError, messageOf } from '../foundation/errors.ts';
import type { Secret } from '../foundation/secret.ts';
import { identityError } from './identity-errors.ts';
import { checkDerivationCost } from './key-derivation.ts';
import type { EncodedKey } from './private-key.ts';

export interface Pkcs12Content {
  /** DER. */
  readonly certificates: readonly Buffer[];
  readonly keys: readonly EncodedKey[];
}

type Asn1 = forge.asn1.Asn1;

/**
 * node-forge derives keys in JavaScript: 500 000 rounds take 3 to 10 seconds, in which nothing is answered.
 * OpenSSL, Windows and keytool ask for 6 000 to 30 000 in a file.
 */
const MOST_ROUNDS = 500_000;

/** @throws PASSPHRASE_MISSING, PASSPHRASE_WRONG, KEY_DERIVATION_TOO_COSTLY, PKCS12_UNREADABLE */
export function openPkcs12(content: Buffer, passphrase: Secret | undefined, path: string): Pkcs12Content {
  try {
    const pfx = forge.asn1.fromDer(content.toString('latin1'));
    checkDerivationCost(encoded(pfx), MOST_ROUNDS, path);
    const bags = decrypted(pfx, passphrase?.reveal()).safeContents.flatMap(({ safeBags }) => safeBags);
    return { certificates: bags.flatMap(certificateIn), keys: bags.flatMap(keyIn) };
  } catch (error) {
    throw error instanceof CodedError ? error : openingError(error, passphrase, path);
  }
}

function decrypted(pfx: Asn1, passphrase = ''): forge.pkcs12.Pkcs12Pfx {
  return passphrase === '' ? decryptedByNothing(pfx) : decryptedBy(pfx, passphrase);
}

/** "No passphrase" is written in two ways: as none at all, and as the empty string (RFC 7292 B.1 leaves it open). */
function decryptedByNothing(pfx: Asn1): forge.pkcs12.Pkcs12Pfx {
  try {
    return forge.pkcs12.pkcs12FromAsn1(pfx, false);
  } catch {
    return forge.pkcs12.pkcs12FromAsn1(pfx, false, '');
  }
}

/**
 * The MAC and the old ciphers take the passphrase as UTF-16 (BMPString), PBES2 takes its UTF-8 bytes; node-forge gives both the same.
 * So the MAC is verified with the text, and when that was right but decryption failed, the rest is opened without it.
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

/** node-forge parses what is RSA and leaves the rest as it was; either way the encoding comes out byte for byte. */
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

const WRONG_MAC = /MAC could not be verified/;
const WRONG_PASSPHRASE = /MAC could not be verified|Failed to decrypt|wrong password/;

function openingError(error: unknown, passphrase: Secret | undefined, path: string): CodedError {
  if (!WRONG_PASSPHRASE.test(messageOf(error))) {
    return identityError('PKCS12_UNREADABLE', `${path} is PKCS#12 in a form that cannot be read`, error);
  }
  return passphrase
    ? identityError('PASSPHRASE_WRONG', `the passphrase does not open ${path}`, error)
    : identityError('PASSPHRASE_MISSING', `${path} is encrypted`, error);
}
