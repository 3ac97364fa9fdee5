import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { loadAccount } from '../../src/emulator/account/account.ts';
import { wordsOf } from './coded-words.ts';
import type { Fuzzed } from './fuzz.ts';
import { type Mutant, mutants } from './mutation.ts';

const YAML_WORDS = [
  ...[
    '\n',
    ' ',
    '\t',
    ': ',
    '- ',
    '? ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '#',
    '|',
    '>',
    '%',
    '@',
    '`',
    '---\n',
    '...\n',
    '\0',
    '\x85',
  ],
  ...[
    '&a ',
    '*a',
    '<<: *a\n',
    '!!binary ',
    '!!set ',
    '!!js/function ',
    '!<x> ',
    '%YAML 9.9\n',
    '__proto__: {}\n',
    '~',
    '.nan',
    '1e999',
  ],
  ...['\xef\xbb\xbf', '\xff\xfe', '\xed\xa0\x80', '2001-01-01', '0o17', '[[[[[[[[', '{a: {a: {a: '],
];

/** A configuration with every key. */
const WHOLE = `
identity:
  { certificate: device.pem, privateKey: device.key, intermediates: chain.pem, passphrase: { file: pass }, allowReadableKey: true }
rolesAnywhere:
  trustAnchorArn: arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555
  endpoint: "https://x.example/y"
  fips: true
  dualStack: true
  caBundle: ca.pem
roles:
  - name: a
    roleArn: arn:aws:iam::123456789012:role/p/A
    profileArn: arn:aws:rolesanywhere:eu-central-1:123456789012:profile/11111111-2222-3333-4444-555555555555
    sessionDuration: 900
    roleSessionName: me
    imds: { listen: "[::1]:9911", allowedHosts: [x], region: eu-central-1, availabilityZone: eu-central-1a }
log: { level: debug }
`;

export function configurations(directory: string): Fuzzed<Mutant> {
  const example = readFileSync(path.resolve(import.meta.dirname, '../../config.example.yaml'), 'latin1');
  const file = path.join(directory, 'config.yaml');
  return {
    runs: 300,
    samples: mutants([example, WHOLE], YAML_WORDS),
    check: async ({ bytes }) => {
      writeFileSync(file, bytes);
      const words = await wordsOf(() => loadConfig(file));
      expect(words.length).toBeLessThan(1_000_000);
    },
  };
}

/** @param directory - of an account of the emulator. */
export function accounts(directory: string): Fuzzed<Mutant> {
  const file = path.join(directory, 'account.yaml');
  return {
    runs: 100,
    samples: mutants([readFileSync(file, 'latin1')], YAML_WORDS),
    check: async ({ bytes }) => {
      writeFileSync(file, bytes);
      await wordsOf(() => loadAccount(directory));
    },
  };
}
