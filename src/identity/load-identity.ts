import type { IdentityConfig } from '../config/config.ts';
import { dangerIn } from '../files/safe-place.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import type { Secret } from '../foundation/secret.ts';
import { readIdentityContent } from './identity-content.ts';
import { eachPathOnce, readFileContent, type FileContent, type ReadFileContent } from '../files/read-file.ts';
import { checkKeyAccess } from './key-access.ts';
import { readPassphrase } from './passphrase.ts';
import type { LoadedIdentity } from './signing-identity.ts';
import { provenIdentity, type IdentityMaterial } from './proven-identity.ts';

export interface LoadContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly environment: Environment;
  /** Absent: only files, as the daemon reads them. */
  readonly read?: ReadFileContent;
}

/**
 * Reads certificate, chain and private key as one set and proves that they belong together.
 *
 * @throws CodedError with a code of `identityErrors` or `fileErrors`, and nothing else.
 */
export async function loadIdentity(config: IdentityConfig, context: LoadContext): Promise<LoadedIdentity> {
  return identityFrom(await readIdentityFiles(config, context.read), config, context);
}

/** @throws CodedError as {@link loadIdentity} does. */
export async function identityFrom(
  files: IdentityFiles,
  config: IdentityConfig,
  { now, environment, read }: LoadContext,
): Promise<LoadedIdentity> {
  checkKeyAccess(files.privateKey, {
    allowReadableKey: config.allowReadableKey,
    self: process.geteuid?.(),
    credentialsDirectory: environment['CREDENTIALS_DIRECTORY'],
  });
  const warnings = checkedFindings(Object.values(files), config);
  const passphrase = config.passphrase && (await readPassphrase(config.passphrase, environment, { ...config, read }));
  const proven = await provenIdentity(await readMaterial(files, passphrase), passphrase, now);
  return { ...proven, warnings: [...warnings, ...proven.warnings] };
}

/** @returns warnings. @throws CodedError of `fileErrors` where others could change a file, unless the operator allows it. */
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
  readonly certificate: FileContent;
  /** The same object as `certificate` where one file has both. */
  readonly privateKey: FileContent;
  readonly intermediates: FileContent | undefined;
  readonly trustAnchorBundle: FileContent | undefined;
}

/**
 * Every file once, all at the same time. A renewal in that moment (Kubernetes swaps `..data`, certbot several links) can still give
 * a mixed set; then the proof fails here, and not the exchange.
 */
export async function readIdentityFiles(config: IdentityConfig, reading = readFileContent): Promise<IdentityFiles> {
  const read = eachPathOnce(reading);
  const [certificate, privateKey, intermediates, trustAnchorBundle] = await Promise.all([
    read(config.certificate),
    read(config.privateKey ?? config.certificate),
    config.intermediates === undefined ? undefined : read(config.intermediates),
    config.trustAnchorBundle === undefined ? undefined : read(config.trustAnchorBundle),
  ]);
  return { certificate, privateKey, intermediates, trustAnchorBundle };
}

async function readMaterial(files: IdentityFiles, passphrase: Secret | undefined): Promise<IdentityMaterial> {
  const certificate = await readIdentityContent(files.certificate, passphrase);
  const sameFile = files.privateKey === files.certificate;
  return {
    certificate,
    privateKey: sameFile ? certificate : await readIdentityContent(files.privateKey, passphrase),
    intermediates: files.intermediates && (await readIdentityContent(files.intermediates, passphrase)),
    trustAnchorBundle: files.trustAnchorBundle && (await readIdentityContent(files.trustAnchorBundle, passphrase)),
  };
}
