// Parsers of input from others: any input yields a result or a CodedError, quickly, without secrets
// in the message.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import { pem } from '../support/pki.ts';
import { itFuzzes } from './fuzz.ts';
import { assumedRoles, grants, refusals } from './fuzzed-answers.ts';
import { archives, authorities, encodings, identities, identityWords, passphrases } from './fuzzed-identity.ts';
import { sealedFiles, sessionRecords } from './fuzzed-state.ts';
import { accounts, configurations } from './fuzzed-yaml.ts';
import { type FuzzedFiles, fuzzedFiles } from './identity-samples.ts';

let directory: string;
let account: string;
let files: FuzzedFiles;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-fuzz-'));
  account = path.join(directory, 'account');
  await createAccount(account);
  files = await fuzzedFiles();
  return () => rm(directory, { recursive: true });
});

// Otherwise nothing behind the first check would be tested.
test('the originals of the samples can be read', async () => {
  const { identityFiles, keyFiles, archives } = files;
  const wholes = keyFiles.map(({ label, der, other }) => pem(der, label) + other);
  for (const content of [...identityFiles, ...wholes, archives.plain, archives.encrypted])
    expect(await identityWords(directory, content)).toBe('');
});

describe('reading', () => {
  itFuzzes({
    'a configuration': () => configurations(directory),
    'an account of the emulator': () => accounts(account),
    'a trust anchor or revocation list of the emulator': () => authorities(directory, files),
    'an identity': () => identities(directory, files),
    'a certificate or key as DER': () => encodings(directory, files),
    'an archive of PKCS#12': () => archives(directory, files),
    'a passphrase': () => passphrases(directory),
    'a grant': grants,
    'a refusal': refusals,
    'an answer of STS': assumedRoles,
    'a sealed file of the state directory': sealedFiles,
    'the record of a session': sessionRecords,
  });
});
