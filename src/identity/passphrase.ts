import { join } from 'node:path';
import type { Config, PassphraseSource } from '../config/config.ts';
import { type ReadFileContent, readFileContent } from '../files/read-file.ts';
import { dangerIn } from '../files/safe-place.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { Secret } from '../foundation/secret.ts';
import { identityError } from './identity-errors.ts';

/** PEM_BUFSIZE of OpenSSL. Longer passphrases fail there as if they were missing. */
const MOST_BYTES = 1024;

export interface PassphraseRule {
  /** The operator accepts that others may read and change the files of the identity. */
  readonly allowReadableKey: boolean;
  readonly read?: ReadFileContent | undefined;
}

/**
 * Reads a passphrase from its configured source. Also used for the stateKey, so messages do not say
 * which of the two it is.
 */
export async function readPassphrase(
  source: PassphraseSource,
  environment: Environment,
  rule: PassphraseRule = { allowReadableKey: false },
): Promise<Secret> {
  const passphrase = await passphraseText(source, environment, rule);
  if (Buffer.byteLength(passphrase) > MOST_BYTES) {
    throw identityError(
      'PASSPHRASE_TOO_LONG',
      `what was read has ${Buffer.byteLength(passphrase)} bytes, more than ${MOST_BYTES}`,
    );
  }
  return new Secret(passphrase);
}

function passphraseText(
  source: PassphraseSource,
  environment: Environment,
  rule: PassphraseRule,
): Promise<string> | string {
  switch (source.from) {
    case 'file':
      return firstLine(source.path, rule);
    case 'credential':
      return firstLine(join(credentialsDirectory(source.name, environment), source.name), rule);
    case 'environment':
      return variable(source.variable, environment);
  }
}

/** Editors and `echo` add a newline that is not part of the passphrase. Anything more is. */
async function firstLine(path: string, { allowReadableKey, read = readFileContent }: PassphraseRule): Promise<string> {
  const { content, findings } = await read(path);
  const danger = allowReadableKey ? undefined : dangerIn(findings);
  if (danger) throw danger;
  return content.toString('utf8').replace(/\r?\n$/, '');
}

function credentialsDirectory(name: string, environment: Environment): string {
  const directory = environment['CREDENTIALS_DIRECTORY'];
  if (directory) return directory;
  throw identityError(
    'CREDENTIALS_DIRECTORY_UNSET',
    `the systemd credential ${name} is named, but $CREDENTIALS_DIRECTORY is not set`,
  );
}

function variable(name: string, environment: Environment): string {
  const value = environment[name];
  if (value !== undefined) return value;
  throw identityError('PASSPHRASE_VARIABLE_UNSET', `the environment variable ${name} is not set`);
}

/** The file of a secret; undefined if it is in none. */
export function secretFile(
  source: PassphraseSource | { readonly from: 'tpm' } | undefined,
  environment: Environment,
): string | undefined {
  if (source?.from === 'file') return source.path;
  const directory = environment['CREDENTIALS_DIRECTORY'];
  return source?.from === 'credential' && directory ? join(directory, source.name) : undefined;
}

/**
 * The variables that secrets of a configuration are in, and those for its own programs, such as a
 * token of a key service: for no other program.
 */
export function secretVariables({ identity, state }: Pick<Config, 'identity' | 'state'>): readonly string[] {
  const { passphrase, tpm, privateKey, renew } = identity;
  const secrets = [passphrase, tpm?.parentPassword, tpm?.ownerPassword, state?.key].flatMap((source) =>
    source?.from === 'environment' ? source.variable : [],
  );
  const signer = typeof privateKey === 'object' && privateKey.kind === 'command' ? privateKey.environment : [];
  const passed = [...signer, ...(renew?.environment ?? [])].filter((name) => !FOR_EVERY_PROGRAM.test(name));
  return [...secrets, ...passed];
}

const FOR_EVERY_PROGRAM =
  /^(?:HOME|USER|LOGNAME|SHELL|PATH|PWD|TERM|TMPDIR|TZ|LANG|LANGUAGE|LC_\w+|XDG_\w+|LD_LIBRARY_PATH|AWS_(?:DEFAULT_)?REGION|(?:https?|no|all)_proxy|SSL_CERT_(?:FILE|DIR))$/i;

/** Common mistakes in a passphrase, to follow an error. Reveals nothing else about it. */
export function passphraseHint(passphrase: Secret): string {
  const hint = ODDITIES.find(({ looksSo }) => looksSo(passphrase.reveal()))?.what;
  return hint === undefined ? '' : `; what was read as the passphrase ${hint}`;
}

const ODDITIES: readonly { readonly looksSo: (text: string) => boolean; readonly what: string }[] = [
  { looksSo: (text) => text.includes('\0'), what: 'is in UTF-16, as PowerShell writes it: write the file in UTF-8' },
  { looksSo: (text) => text.startsWith('\uFEFF'), what: 'begins with a byte order mark: write the file without it' },
  { looksSo: (text) => text.includes('\uFFFD'), what: 'is not UTF-8' },
  { looksSo: (text) => text === '', what: 'is empty' },
  { looksSo: (text) => /[\r\n]$/.test(text), what: 'ends with a second line break; only one is ignored' },
  { looksSo: (text) => /[\r\n]/.test(text), what: 'has several lines' },
  { looksSo: (text) => /^\s|\s$/.test(text), what: 'begins or ends with white space' },
  { looksSo: (text) => /^(["']).*\1$/.test(text), what: 'is in quotes, which belong to the passphrase' },
];
