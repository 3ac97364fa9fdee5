// Certificates whose fields no library would write.
import { type KeyObject, sign, type SignPrivateKeyInput } from 'node:crypto';
import { derElements, readDer } from '../../src/foundation/der.ts';
import type { Issued } from '../support/pki.ts';
import { der, sequence } from './der-writer.ts';

export type Fields = Record<
  'version' | 'serial' | 'algorithm' | 'issuer' | 'validity' | 'subject' | 'key' | 'extensions',
  Buffer
>;
const NAMES = ['version', 'serial', 'algorithm', 'issuer', 'validity', 'subject', 'key', 'extensions'] as const;

export interface Again {
  readonly original: Issued;
  /** Signs it. */
  readonly key: KeyObject | SignPrivateKeyInput;
  /** Default: SHA-256. */
  readonly hash?: string | null;
}

/** A certificate with some fields written otherwise, and signed again. */
export function changedCertificate(
  change: (fields: Fields) => Partial<Fields>,
  { original, key, hash = 'sha256' }: Again,
): Buffer {
  const [tbs = Buffer.alloc(0)] = rawElements(readDer(original.certificateDer).content);
  const raw = rawElements(readDer(tbs).content);
  const fields = Object.fromEntries(NAMES.map((name, index) => [name, raw[index] ?? Buffer.alloc(0)])) as Fields;
  const all = { ...fields, ...change(fields) };
  const signed = sequence(...Object.values(all));
  const signature = sign(hash, signed, key);
  return sequence(signed, all.algorithm, der('03', `00${signature.toString('hex')}`));
}

/** Each with its tag and length. */
export function rawElements(content: Buffer): Buffer[] {
  let start = 0;
  return [...derElements(content)].map(({ size }) => content.subarray(start, (start += size)));
}

export const time = (tag: '17' | '18', text: string): string => der(tag, Buffer.from(text).toString('hex'));
export const validity = (from: string, to: string): Partial<Fields> => ({ validity: sequence(from, to) });
