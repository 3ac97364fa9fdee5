import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Config } from '../config/config.ts';
import type { IdentityFlags } from '../config/from-flags.ts';
import { messageOf } from '../foundation/errors.ts';
import { utf8Text } from '../foundation/utf8-text.ts';
import {
  type CertificateSelector,
  certificatesOnToken,
  selectorFile,
  selectorFromJson,
  selectorFromText,
} from '../migration/cert-selector.ts';
import { goBoolean, HELPER_FLAGS, STORES } from '../migration/helper-flags.ts';
import { commandError } from './command-errors.ts';
import { wholeNumber } from './option-values.ts';

/** The credential flags of `aws_signing_helper`, with the same names, and our own. */
export function withIdentityFlags(command: Command): Command {
  command
    .option('--certificate <file>', 'certificate: PEM with or without chain and key, DER, PKCS#12, or pkcs11:URI')
    .option(
      '--private-key <file>',
      'private key, if it is not in the certificate file: file, pkcs11:URI, handle:NUMBER, or ssh-agent:',
    )
    .option('--intermediates <file>', 'more certificates for the chain')
    .option('--trust-anchor-arn <arn>', 'trust anchor')
    .option('--profile-arn <arn>', 'profile that lists the role')
    .option('--role-arn <arn>', 'role to get sessions of')
    .option('--region <region>', 'must be the region of the trust anchor')
    .option('--endpoint <url>', 'Roles Anywhere endpoint instead of the one of the region')
    .option('--session-duration <seconds>', '900 to 43200 (default: 3600)', wholeNumber('a number of seconds'))
    .option('--role-session-name <name>', 'name in CloudTrail, if the profile accepts one')
    .option('--passphrase-file <file>', 'file with the passphrase of the key')
    .option('--passphrase-env <variable>', 'environment variable with the passphrase of the key')
    .option('--pkcs11-lib <file>', 'PKCS#11 module of the token (default: p11-kit-proxy.so)')
    .option('--cert-selector <selector>', 'which certificate of the token: Key=x509Subject,Value=NAME, or file://PATH')
    .option('--ca-bundle <file>', 'PEM file of the CAs to trust for TLS')
    .option('--allow-readable-key', 'accept a key file that others can read')
    .option('--debug', 'log every attempt');
  refuseForeignFlags(command);
  acceptIdleFlags(command);
  return command;
}

/** The values of a command line, as parsed by commander. */
export interface CommandLineFlags extends Omit<IdentityFlags, 'certSelector'> {
  readonly config?: string;
  readonly certSelector?: string;
}

/** The configuration from a file or from flags. */
export async function configurationOf(file: string | undefined, commandLine: CommandLineFlags): Promise<Config> {
  const { config: named, ...flags } = commandLine;
  const chosen = file ?? named;
  const given = givenNames(flags);
  if (chosen !== undefined && given.length > 0)
    throw commandError('TWO_CONFIGURATIONS', `both ${chosen} and flags (${given.join(', ')}) were given`);
  if (chosen !== undefined) {
    const { loadConfig } = await import('../config/load-config.ts');
    const config = await loadConfig(chosen);
    return flags.debug ? { ...config, log: { ...config.log, level: 'debug' } } : config;
  }
  if (given.length === 0) throw commandError('NO_CONFIGURATION', 'neither a configuration file nor flags were given');
  const { configFromFlags } = await import('../config/from-flags.ts');
  const { certSelector, ...identity } = flags;
  const selected = certSelector === undefined ? {} : await selectedCertificate(certSelector, identity);
  return configFromFlags({ ...identity, ...selected }, process.cwd());
}

/** Without --certificate, it is one on the token of the key. */
async function selectedCertificate(
  written: string,
  flags: IdentityFlags,
): Promise<Pick<IdentityFlags, 'certificate' | 'certSelector'>> {
  const certificate = flags.certificate ?? certificatesOnToken(flags.privateKey ?? '');
  if (certificate === undefined) throw commandError('FLAG_NOT_SUPPORTED', `--cert-selector: ${STORES}`);
  return { certificate, certSelector: await selectorFrom(written) };
}

async function selectorFrom(written: string): Promise<CertificateSelector> {
  const file = selectorFile(written);
  const selector = file === undefined ? selectorFromText(written) : selectorFromJson(await contentOf(file));
  if (typeof selector !== 'string') return selector;
  throw commandError('CERT_SELECTOR_UNUSABLE', `--cert-selector cannot be read: ${selector}`);
}

async function contentOf(file: string): Promise<string> {
  try {
    return utf8Text(await readFile(file));
  } catch (error) {
    throw commandError(
      'CERT_SELECTOR_UNUSABLE',
      `--cert-selector names ${file}, which cannot be read: ${messageOf(error)}`,
      error,
    );
  }
}

/** Whether a command line determines by flags or a file which sessions to get and how. */
export function namesConfiguration({ config, ...flags }: CommandLineFlags): boolean {
  return config !== undefined || givenNames(flags).length > 0;
}

function givenNames(flags: object): string[] {
  return Object.keys(flags).filter((name) => !SAYING_NOTHING.has(name));
}

/**
 * Options that are not part of a configuration. commander gives negated ones a value even if they
 * are absent.
 */
const SAYING_NOTHING: ReadonlySet<string> = new Set(['debug', 'withProxy', 'reusePin', 'verifySsl', 'tpmKeyPassword']);

/** The environment configures proxies with and without it. */
function acceptIdleFlags(command: Command): void {
  for (const name of ['--with-proxy', '--reuse-pin', '--no-tpm-key-password'])
    command.addOption(new Option(name).hideHelp());
}

/**
 * Flags of the helper that this program does not support, with what to do instead. A message about
 * an unknown flag would not help.
 */
function refuseForeignFlags(command: Command): void {
  for (const [name, { takesValue, here, instead }] of Object.entries(HELPER_FLAGS)) {
    if (here !== 'refused') continue;
    const option = new Option(takesValue ? `${name} <value>` : name).hideHelp();
    command.addOption(option).on(`option:${option.name()}`, () => {
      throw commandError('FLAG_NOT_SUPPORTED', `${name}: ${instead}`);
    });
  }
}

/** Words after `--` belong to another program. */
export function ownWords(argv: readonly string[]): readonly string[] {
  return argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
}

/** Go accepts `--debug=true` and `--debug=false`, commander only `--debug`. */
export function withPlainFlags(argv: readonly string[]): string[] {
  const own = ownWords(argv);
  const plain = own.flatMap((argument) => {
    const { name = '', value = '' } = /^(?<name>--[a-z0-9-]+)=(?<value>\w+)$/.exec(argument)?.groups ?? {};
    const isGiven = HELPER_FLAGS[name]?.takesValue === false ? goBoolean(value) : undefined;
    return isGiven === undefined ? [argument] : isGiven ? [name] : [];
  });
  return [...plain, ...argv.slice(own.length)];
}
