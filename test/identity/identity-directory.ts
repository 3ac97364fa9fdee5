import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import type { LoadedIdentity } from '../../src/identity/signing-identity.ts';

/** Within the validity that test/support/pki.ts gives. */
export const NOW = Date.parse('2026-11-22T12:00:00Z');

/** Writes a file into a directory of its own; the test that asked takes it away. */
export function writeFile(content: string | Buffer, { name = 'file', mode = 0o600 } = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'imds-anywhere-identity-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

export interface Written extends Partial<Omit<IdentityConfig, 'certificate' | 'privateKey' | 'intermediates'>> {
  readonly certificate: string | Buffer;
  readonly privateKey?: string | Buffer;
  readonly intermediates?: string | Buffer;
  /** A passphrase, handed over in the environment. */
  readonly secret?: string;
}

/** Loads an identity whose files have these contents. */
export function load(written: Written, now = NOW): Promise<LoadedIdentity> {
  const { certificate, privateKey, intermediates, secret, ...rest } = written;
  const config: IdentityConfig = {
    allowReadableKey: false,
    certificate: writeFile(certificate),
    ...(privateKey === undefined ? {} : { privateKey: writeFile(privateKey) }),
    ...(intermediates === undefined ? {} : { intermediates: writeFile(intermediates) }),
    ...(secret === undefined ? {} : { passphrase: { from: 'environment', variable: 'SECRET' } }),
    ...rest,
  };
  return loadIdentity(config, { now, environment: { SECRET: secret } });
}

/** The code of the CodedError that `work` fails with; anything else is a failure of the test. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof CodedError) return error.code;
  throw new Error('no CodedError', { cause: error });
}
