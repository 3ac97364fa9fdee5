import { writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { readAuthorities, readRevocationLists } from '../../src/emulator/account/pem-files.ts';
import type { Secret } from '../../src/foundation/secret.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import { readPassphrase } from '../../src/identity/passphrase.ts';
import { pem } from '../support/pki.ts';
import { wordsOf } from './coded-words.ts';
import type { Fuzzed } from './fuzz.ts';
import { type FuzzedFiles, PASSPHRASE } from './identity-samples.ts';
import { type Mutant, mutants } from './mutation.ts';

/** The samples are valid today. */
const NOW = Date.now();

const DER_WORDS = [
  '\x30\x80',
  '\x30\x82\xff\xff',
  '\x30\x84\xff\xff\xff\xff',
  '\x00\x00',
  '\x02\x01\x03',
  '\x04\x00',
  '\x06\x00',
  '\xa0\x03\x02\x01\x02',
  '\x05\x00',
];
const PEM_WORDS = [
  '-----BEGIN CERTIFICATE-----\n',
  '-----END CERTIFICATE-----\n',
  '-----BEGIN PRIVATE KEY-----\n',
  'Proc-Type: 4,ENCRYPTED\n',
  '\n',
  '=',
  '\r',
  'A'.repeat(65),
  '\0',
];

/** Certificate, chain and key in one file, of each kind and in each form. */
export function identities(directory: string, { identityFiles }: FuzzedFiles): Fuzzed<Mutant> {
  return {
    runs: 200,
    samples: mutants(identityFiles, PEM_WORDS),
    check: ({ bytes }) => checkIdentity(directory, bytes),
  };
}

/**
 * Damages the content of PEM blocks: a certificate next to its valid key, and a key next to its
 * valid certificate.
 */
export function encodings(
  directory: string,
  { certificate, keyFiles }: FuzzedFiles,
): Fuzzed<readonly [number, Mutant]> {
  const all = [{ label: 'CERTIFICATE', der: certificate.certificateDer, other: certificate.keyPem }, ...keyFiles];
  const samples = fc
    .nat(all.length - 1)
    .chain((which) => fc.tuple(fc.constant(which), mutants([all[which]?.der ?? ''], DER_WORDS)));
  return {
    runs: 200,
    samples,
    check: ([which, { bytes }]) => {
      const { label = '', other = '' } = all[which] ?? {};
      return checkIdentity(directory, pem(bytes, label) + other);
    },
  };
}

/** PKCS#12. With a MAC, a change prevents reading the rest, so most have none. */
export function archives(directory: string, { archives: { plain, encrypted } }: FuzzedFiles): Fuzzed<Mutant> {
  return {
    runs: 60,
    samples: mutants([plain, plain, plain, encrypted], DER_WORDS),
    check: ({ bytes }) => checkIdentity(directory, bytes),
  };
}

/** The message of reading it; empty if it is one complete identity. */
export async function identityWords(directory: string, content: Buffer | string): Promise<string> {
  const certificate = path.join(directory, 'identity');
  writeFileSync(certificate, content, { mode: 0o600 });
  const passphrase = { from: 'environment', variable: 'PASS' } as const;
  const context = { now: NOW, environment: { PASS: PASSPHRASE } };
  return wordsOf(() => loadIdentity({ certificate, passphrase, allowReadableKey: false }, context));
}

async function checkIdentity(directory: string, content: Buffer | string): Promise<void> {
  const words = await identityWords(directory, content);
  expect(words).not.toContain(PASSPHRASE);
  expect(words).not.toMatch(/[A-Za-z0-9+/]{50}/);
}

export function passphrases(directory: string): Fuzzed<Mutant> {
  const file = path.join(directory, 'passphrase');
  return {
    runs: 100,
    samples: mutants(
      [PASSPHRASE, `${PASSPHRASE}\n`, `${PASSPHRASE}\r\n`, 'p\xc3\xa4ss'],
      ['\n', '\r\n', '\0', '\xff', 'x'.repeat(1_025)],
    ),
    check: async ({ bytes }) => {
      writeFileSync(file, bytes);
      let read: Secret | undefined;
      const words = await wordsOf(async () => (read = await readPassphrase({ from: 'file', path: file }, {})));
      expect(words).not.toContain(PASSPHRASE);
      if (words === '') expect(read?.reveal()).toBe(bytes.toString('utf8').replace(/\r?\n$/, ''));
    },
  };
}

/** Trust anchors and revocation lists of the emulator. */
export function authorities(directory: string, { authority, revocationList }: FuzzedFiles): Fuzzed<Mutant> {
  const file = path.join(directory, 'authority');
  return {
    runs: 200,
    samples: mutants([authority.certificateDer, revocationList], DER_WORDS),
    check: async ({ bytes }) => {
      writeFileSync(file, pem(bytes));
      await wordsOf(() => readAuthorities(file));
      writeFileSync(file, bytes);
      await wordsOf(() => readRevocationLists(file));
      writeFileSync(file, pem(bytes, 'X509 CRL'));
      await wordsOf(() => readRevocationLists(file));
    },
  };
}
