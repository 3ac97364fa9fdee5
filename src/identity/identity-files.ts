import { join } from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import type { Environment } from '../foundation/process-environment.ts';

/**
 * The files of an identity, including the passphrase's: a change of one of them may change the
 * identity.
 */
export function identityPaths(config: IdentityConfig, environment: Environment): readonly string[] {
  const { certificate, privateKey, intermediates, trustAnchorBundle, passphrase } = config;
  const directory = environment['CREDENTIALS_DIRECTORY'];
  const paths = [
    ...[certificate, privateKey].filter((named) => typeof named === 'string'),
    intermediates,
    trustAnchorBundle,
    passphrase?.from === 'file' ? passphrase.path : undefined,
    passphrase?.from === 'credential' && directory ? join(directory, passphrase.name) : undefined,
  ];
  return [...new Set(paths.filter((path) => path !== undefined))];
}
