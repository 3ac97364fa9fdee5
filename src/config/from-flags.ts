import { type KeyPath, keyText } from '../foundation/config-finding.ts';
import type { CodedError } from '../foundation/errors.ts';
import { checkForm, type FormProblem } from './check-form.ts';
import type { Config, IdentityConfig } from './config.ts';
import { configError, ConfigInvalid, type ConfigProblem } from './config-errors.ts';
import { resolveConfig } from './resolve-config.ts';
import { resolveIdentity } from './resolve-identity.ts';

// Flags of `aws_signing_helper` with the same meaning here, and our own. A flag sets one key of the
// configuration; its problems are reported by its name.
const TEXTS = {
  certificate: ['identity', 'certificate'],
  privateKey: ['identity', 'privateKey'],
  intermediates: ['identity', 'intermediates'],
  passphraseFile: ['identity', 'passphrase', 'file'],
  passphraseEnv: ['identity', 'passphrase', 'environment'],
  pkcs11Lib: ['identity', 'pkcs11', 'module'],
  endpoint: ['rolesAnywhere', 'endpoint'],
  caBundle: ['rolesAnywhere', 'caBundle'],
  trustAnchorArn: ['roles', 0, 'trustAnchorArn'],
  profileArn: ['roles', 0, 'profileArn'],
  roleArn: ['roles', 0, 'roleArn'],
  roleSessionName: ['roles', 0, 'roleSessionName'],
  region: ['roles', 0, 'imds', 'region'],
} as const;

const NUMBERS = {
  sessionDuration: ['roles', 0, 'sessionDuration'],
  port: ['roles', 0, 'imds', 'listen'],
  hopLimit: ['roles', 0, 'imds', 'hopLimit'],
} as const;

const SWITCHES = {
  allowReadableKey: ['identity', 'allowReadableKey'],
  debug: ['log', 'level'],
} as const;

const SELECTOR = { certSelector: ['identity', 'pkcs11', 'certificate'] } as const;

const KEYS = { ...TEXTS, ...NUMBERS, ...SWITCHES, ...SELECTOR };
type Flag = keyof typeof KEYS;

type Given<Flags, Value> = { readonly [Name in keyof Flags]?: Value };

/** The values of a command line. */
export type IdentityFlags = Given<typeof TEXTS, string> &
  Given<typeof NUMBERS, number> &
  Given<typeof SWITCHES, boolean> &
  Given<typeof SELECTOR, IdentityConfig['certificateSelector']>;

/**
 * One role from flags. The helper signs for `--region`. Here the region is always the trust
 * anchor's, so the flag must match it. It is also the region of the IMDS region paths.
 *
 * @throws ConfigInvalid with every problem, by flag.
 */
export function configFromFlags(flags: IdentityFlags, workingDirectory: string): Config {
  const form = checkForm(written(flags), workingDirectory);
  const outcome = form.ok ? resolveConfig(form.config) : form;
  const problems = [
    ...(outcome.ok ? [] : outcome.problems),
    ...regionProblems(flags),
    ...(form.ok ? [] : missingArns(flags)),
  ];
  if (outcome.ok && problems.length === 0) return outcome.config;
  throw invalid(problems);
}

/**
 * An identity whose certificate is not issued yet.
 *
 * @throws ConfigInvalid with every problem, by flag.
 */
export function keyFromFlags(flags: IdentityFlags, workingDirectory: string): IdentityConfig {
  // Required by every configuration, but not read here.
  const form = checkForm(written({ ...flags, certificate: 'any', roleArn: 'any' }), workingDirectory);
  if (form.ok) return resolveIdentity(form.config.identity);
  throw invalid(form.problems);
}

function invalid(problems: readonly FormProblem[]): ConfigInvalid {
  return new ConfigInvalid(
    'the command line',
    problems.map(({ path, error }) => problemOf(flagOf(path), error)),
  );
}

/** A missing flag has no other possible place. */
function problemOf(key: string, error: CodedError): ConfigProblem {
  const isMissing = error.code === 'CONFIG_MISSING_KEY' && key.startsWith('--');
  return { key, error: isMissing ? configError('CONFIG_MISSING_KEY', `${key} is missing`) : error };
}

/** The flags in the form of the configuration file. */
function written({ port = 9911, debug, ...flags }: IdentityFlags): unknown {
  const values = { ...flags, port: `127.0.0.1:${port}`, ...(debug && { debug: 'debug' }) };
  const given = Object.entries(values).filter(([name, value]) => name in KEYS && value !== undefined);
  return nested(given.map(([name, value]) => ({ path: KEYS[name as Flag], value })));
}

/** Values at their paths, as maps and lists. */
function nested(entries: readonly { readonly path: KeyPath; readonly value: unknown }[]): unknown {
  const parts = [...new Set(entries.map(({ path: [part] }) => part))];
  if (parts.includes(undefined)) return entries[0]?.value;
  const inner = parts.map((part) => {
    const below = entries.filter(({ path }) => path[0] === part);
    return [part, nested(below.map(({ path, value }) => ({ path: path.slice(1), value })))] as const;
  });
  return typeof parts[0] === 'number' ? inner.map(([, value]) => value) : Object.fromEntries(inner);
}

function regionProblems({ region, trustAnchorArn }: IdentityFlags): FormProblem[] {
  const actual = trustAnchorArn?.split(':')[3];
  if (region === undefined || actual === undefined || actual === region) return [];
  const what = `--region is ${region}, but the trust anchor is in ${actual}, and sessions come from its region`;
  return [{ path: ['roles', 0, 'imds', 'region'], error: configError('CONFIG_WRONG_VALUE', what) }];
}

/** Problems that only a whole command line shows, reported together with malformed values. */
function missingArns(flags: IdentityFlags): FormProblem[] {
  return (['trustAnchorArn', 'profileArn'] as const)
    .filter((key) => flags[key] === undefined)
    .map((key) => {
      return { path: ['roles', 0, key], error: configError('CONFIG_MISSING_KEY', `"${key}" is missing`) };
    });
}

/** The flag of a key, of a part of its value, or of the first key below it. */
function flagOf(path: KeyPath): string {
  const names = Object.keys(KEYS) as Flag[];
  const name = names.find((each) => startsWith(path, KEYS[each])) ?? names.find((each) => startsWith(KEYS[each], path));
  return name === undefined ? keyText(path) : `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function startsWith(path: KeyPath, start: KeyPath): boolean {
  return start.every((part, index) => path[index] === part);
}
