// Seals stored data, so that only a holder of the sealing key can read or change it.

import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';

/** `magic | version | salt | key check | ciphertext | tag` */
const MAGIC = Buffer.from('IMDS-ANY');
const VERSION = 1;
const SALT_BYTES = 32;
const CHECK_BYTES = 16;
const TAG_BYTES = 16;
const SALT_AT = MAGIC.length + 1;
const CHECK_AT = SALT_AT + SALT_BYTES;
const CIPHERTEXT_AT = CHECK_AT + CHECK_BYTES;

export type Opened =
  | { readonly ok: true; readonly content: Buffer }
  | { readonly ok: false; readonly why: 'damaged' | 'other version' | 'other key' };

/**
 * AES-256-GCM. Key and nonce are derived from the sealing key and a new salt each time, so that no
 * nonce is used twice.
 *
 * @param key - private or secret. Uses the encoding of a private key, because most signatures
 * differ each time.
 * @param context - the owner of the content, which opens only with the same context.
 */
export function seal(content: Buffer, key: KeyObject, context: string): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const derived = derive(key, salt);
  const header = Buffer.concat([MAGIC, Buffer.of(VERSION), salt, derived.check]);
  const cipher = createCipheriv('aes-256-gcm', derived.key, derived.nonce).setAAD(boundTo(header, context));
  return Buffer.concat([header, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

export function open(sealed: Buffer, key: KeyObject, context: string): Opened {
  const form = formOf(sealed);
  if (form !== 'good') return { ok: false, why: form };
  const header = sealed.subarray(0, CIPHERTEXT_AT);
  const derived = derive(key, header.subarray(SALT_AT, CHECK_AT));
  if (!timingSafeEqual(derived.check, header.subarray(CHECK_AT))) return { ok: false, why: 'other key' };
  const decipher = createDecipheriv('aes-256-gcm', derived.key, derived.nonce, { authTagLength: TAG_BYTES })
    .setAAD(boundTo(header, context))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const content = decipher.update(sealed.subarray(CIPHERTEXT_AT, -TAG_BYTES));
    return { ok: true, content: Buffer.concat([content, decipher.final()]) };
  } catch {
    return { ok: false, why: 'damaged' };
  }
}

function formOf(sealed: Buffer): 'good' | 'damaged' | 'other version' {
  if (sealed.length < CIPHERTEXT_AT + TAG_BYTES || !sealed.subarray(0, MAGIC.length).equals(MAGIC)) return 'damaged';
  return sealed[MAGIC.length] === VERSION ? 'good' : 'other version';
}

function boundTo(header: Buffer, context: string): Buffer {
  return Buffer.concat([header, Buffer.from(context)]);
}

interface Derived {
  readonly key: Buffer;
  readonly nonce: Buffer;
  /** Distinguishes another key from damaged content, and reveals nothing about either key. */
  readonly check: Buffer;
}

/**
 * HKDF (RFC 5869): the output reveals nothing about the input, so a signing key is safe to use
 * here.
 */
function derive(sealingKey: KeyObject, salt: Buffer): Derived {
  const material =
    sealingKey.type === 'secret' ? sealingKey.export() : sealingKey.export({ format: 'der', type: 'pkcs8' });
  const bytes = Buffer.from(hkdfSync('sha256', material, salt, 'imds-anywhere state 1', 32 + 12 + CHECK_BYTES));
  material.fill(0);
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32, 44), check: bytes.subarray(44) };
}
