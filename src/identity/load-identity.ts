import { resolve } from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import type { Secret } from '../foundation/secret.ts';
import { readIdentityContent } from './identity-content.ts';
import { readIdentityFile, type IdentityFile } from './identity-file.ts';
import { checkKeyAccess } from './key-access.ts';
import { readPassphrase, type Environment } from './passphrase.ts';
import type { LoadedIdentity } from './signing-identity.ts';
import { provenIdentity, type IdentityMaterial } from './proven-identity.ts';

export interface LoadContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly environment: Environment;
}

/**
 * Reads certificate, chain and private key as one set and proves that they belong together.
 *
 * @throws CodedError with a code of `identityErrors`, and nothing else.
 */
export async function loadIdentity(config: IdentityConfig, { now, environment }: LoadContext): Promise<LoadedIdentity> {
  const files = await readFiles(config);
  checkKeyAccess(files.privateKey, {
    allowReadableKey: config.allowReadableKey,
    self: process.getuid?.(),
    credentialsDirectory: environment['CREDENTIALS_DIRECTORY'],
  });
  const passphrase = config.passphrase && (await readPassphrase(config.passphrase, environment));
  return provenIdentity(await readMaterial(files, passphrase), passphrase, now);
}

interface IdentityFiles {
  readonly certificate: IdentityFile;
  /** The same object as `certificate` where one file has both. */
  readonly privateKey: IdentityFile;
  readonly intermediates: IdentityFile | undefined;
  readonly trustAnchorBundle: IdentityFile | undefined;
}

/**
 * Every file once, all at the same time. A renewal in that moment (Kubernetes swaps `..data`, certbot several links) can still give
 * a mixed set; then the proof fails here, and not the exchange.
 */
async function readFiles(config: IdentityConfig): Promise<IdentityFiles> {
  const read = eachPathOnce(readIdentityFile);
  const [certificate, privateKey, intermediates, trustAnchorBundle] = await Promise.all([
    read(config.certificate),
    read(config.privateKey ?? config.certificate),
    config.intermediates === undefined ? undefined : read(config.intermediates),
    config.trustAnchorBundle === undefined ? undefined : read(config.trustAnchorBundle),
  ]);
  return { certificate, privateKey, intermediates, trustAnchorBundle };
}

function eachPathOnce<Value>(read: (path: string) => Promise<Value>): (path: string) => Promise<Value> {
  const reads = new Map<string, Promise<Value>>();
  return (path) => {
    const reading = reads.get(resolve(path)) ?? read(path);
    reads.set(resolve(path), reading);
    return reading;
  };
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
