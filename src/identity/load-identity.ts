import type { IdentityConfig } from '../config/config.ts';
import { eachPathOnce, type FileContent, type ReadFileContent, readFileContent } from '../files/read-file.ts';
import { dangerIn } from '../files/safe-place.ts';
import { CodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import type { Secret } from '../foundation/secret.ts';
import type { KeySource } from '../keys/key-source.ts';
import type { Svids } from '../spiffe/wire.ts';
import { type IdentityContent, readIdentityContent } from './identity-content.ts';
import { checkKeyAccess } from './key-access.ts';
import { pairFiles, readNextKey } from './next-key.ts';
import { certificateContent, type OutsideContents, outsideKeyContent } from './outside-contents.ts';
import { readPassphrase } from './passphrase.ts';
import { type IdentityMaterial, provenIdentity } from './proven-identity.ts';
import type { LoadedIdentity } from './signing-identity.ts';
import { keyContent } from './tpm-key-content.ts';

export interface LoadContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly environment: Environment;
  /** Absent: only files, like the daemon. */
  readonly read?: ReadFileContent;
  /** The parts that are not in files. */
  readonly outside?: OutsideContents;
  /** What a SPIFFE agent sent last. Absent: it is asked. */
  readonly svids?: () => Promise<Svids>;
}

/**
 * Reads certificate, chain and private key as one set and proves that they belong together.
 *
 * @throws only CodedError with a code of `identityErrors` or `fileErrors`.
 */
export async function loadIdentity(config: IdentityConfig, context: LoadContext): Promise<LoadedIdentity> {
  return identityFrom(await readIdentityFiles(config, context.read), config, context);
}

/** @throws CodedError like {@link loadIdentity}. */
export async function identityFrom(
  files: IdentityFiles,
  config: IdentityConfig,
  context: LoadContext,
): Promise<LoadedIdentity> {
  try {
    return await pairFrom(files, config, context);
  } catch (error) {
    const pair = isMismatch(error) ? pairFiles(config) : undefined;
    const privateKey = pair && (await readNextKey(pair, context.read));
    if (!privateKey) throw error;
    return pairFrom({ ...files, privateKey }, config, context).catch((next: unknown) => {
      throw isMismatch(next) ? error : next;
    });
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof CodedError && error.code === 'KEY_CERTIFICATE_MISMATCH';
}

async function pairFrom(
  files: IdentityFiles,
  config: IdentityConfig,
  { now, environment, read, outside }: LoadContext,
): Promise<LoadedIdentity> {
  if (files.privateKey)
    checkKeyAccess(files.privateKey, {
      allowReadableKey: config.allowReadableKey,
      self: process.geteuid?.(),
      credentialsDirectory: environment['CREDENTIALS_DIRECTORY'],
    });
  const warnings = checkedFindings(Object.values(files), config);
  // For a key outside of files, it is the PIN.
  const source = outside?.key ? undefined : config.passphrase;
  const passphrase = source && (await readPassphrase(source, environment, { ...config, read }));
  const material = await readMaterial(files, passphrase, outside);
  const privateKey = await keyContent(material.privateKey, { config, environment, passphrase, read });
  const proven = provenIdentity({ ...material, privateKey }, passphrase, now);
  return { ...proven, warnings: [...warnings, ...proven.warnings] };
}

/**
 * @returns warnings.
 * @throws CodedError of `fileErrors` if others could change a file, unless the operator allows it.
 */
function checkedFindings(
  files: readonly (FileContent | undefined)[],
  { allowReadableKey }: IdentityConfig,
): CodedError[] {
  const findings = files.flatMap((file) => file?.findings ?? []);
  const danger = allowReadableKey ? undefined : dangerIn(findings);
  if (danger) throw danger;
  return [...new Map(findings.map(({ error }) => [error.message, error])).values()];
}

export interface IdentityFiles {
  /** Undefined: it is not in a file. */
  readonly certificate: FileContent | undefined;
  /** The same object as `certificate` if one file has both; undefined: it is not in a file. */
  readonly privateKey: FileContent | undefined;
  readonly intermediates: FileContent | undefined;
  readonly trustAnchorBundle: FileContent | undefined;
}

/**
 * Reads every file once, all at the same time. A renewal at that moment (Kubernetes switches
 * `..data`, certbot several links) can still yield a mixed set. Then the proof fails here instead
 * of the exchange.
 */
export async function readIdentityFiles(config: IdentityConfig, reading = readFileContent): Promise<IdentityFiles> {
  const read = eachPathOnce(reading);
  const inFile = (named: IdentityConfig['certificate'] | KeySource): Promise<FileContent> | undefined =>
    typeof named === 'string' ? read(named) : undefined;
  const [certificate, privateKey, intermediates, trustAnchorBundle] = await Promise.all([
    inFile(config.certificate),
    inFile(config.privateKey ?? config.certificate),
    config.intermediates === undefined ? undefined : read(config.intermediates),
    config.trustAnchorBundle === undefined ? undefined : read(config.trustAnchorBundle),
  ]);
  return { certificate, privateKey, intermediates, trustAnchorBundle };
}

/** A file that is named several times has one content. */
async function readMaterial(
  files: IdentityFiles,
  passphrase: Secret | undefined,
  outside: OutsideContents | undefined,
): Promise<IdentityMaterial> {
  const contents = new Map<FileContent, Promise<IdentityContent>>();
  const contentOf = async (file: FileContent | undefined): Promise<IdentityContent | undefined> => {
    if (!file) return undefined;
    const content = contents.get(file) ?? readIdentityContent(file, passphrase);
    contents.set(file, content);
    return content;
  };
  const certificate = (await contentOf(files.certificate)) ?? certificateContent(outside);
  const fileKey = await contentOf(files.privateKey);
  return {
    certificate,
    privateKey: outside?.key ? outsideKeyContent(outside.key) : (fileKey ?? certificate),
    intermediates: await contentOf(files.intermediates),
    trustAnchorBundle: await contentOf(files.trustAnchorBundle),
  };
}
