import { isDeepStrictEqual } from 'node:util';
import type { IdentityConfig } from '../config/config.ts';
import { type FileContent, readFileContent } from '../files/read-file.ts';
import type { ConfigFinding } from '../foundation/config-finding.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { KeyFailure } from '../keys/key-errors.ts';
import { filePath } from '../keys/key-source.ts';
import { isSvid } from '../spiffe/spiffe-source.ts';
import { readIdentityContent } from './identity-content.ts';
import { type LoadContext, loadIdentity } from './load-identity.ts';
import { readPassphrase } from './passphrase.ts';
import type { SigningIdentity } from './signing-identity.ts';
import { isPkcs12Start } from './unknown-format.ts';
import type { ReadIdentity } from './watched-identity.ts';

export interface CheckedIdentity {
  /** Absent if there are errors. */
  readonly identity: SigningIdentity | undefined;
  readonly findings: readonly ConfigFinding[];
}

/**
 * Reads and proves an identity like the daemon, and reports problems at the key of each file. Never
 * rejects.
 */
export async function checkIdentity(
  config: IdentityConfig,
  context: LoadContext,
  readIdentity: ReadIdentity = loadIdentity,
): Promise<CheckedIdentity> {
  const unreadable = (await Promise.all(readings(config, context).map(failureOf))).flat();
  if (unreadable.length > 0) return { identity: undefined, findings: unreadable };
  try {
    const { signal } = new AbortController();
    const { identity, warnings } = await readIdentity(config, context, signal);
    return {
      identity,
      findings: warnings.map((error) => ({ severity: 'warning', path: keyFor(error, config), error })),
    };
  } catch (thrown) {
    const error = asCodedError(thrown);
    return { identity: undefined, findings: [{ severity: 'error', path: keyFor(error, config), error }] };
  }
}

type IdentityKey = keyof IdentityConfig;

interface Reading {
  readonly key: IdentityKey;
  readonly read: () => Promise<unknown>;
}

/** Reads every file separately, so that one missing file does not hide another. */
function readings(config: IdentityConfig, { environment, read = readFileContent }: LoadContext): readonly Reading[] {
  const { passphrase } = config;
  const files = (['certificate', 'privateKey', 'intermediates', 'trustAnchorBundle'] as const).flatMap((key) => {
    const path = filePath(config[key]);
    return path === undefined ? [] : [{ key, read: async () => split(await read(path)) }];
  });
  return passphrase
    ? [...files, { key: 'passphrase', read: () => readPassphrase(passphrase, environment, { ...config, read }) }]
    : files;
}

/** The form of a file is a fault of that file. Only opening PKCS#12 needs more than the file. */
async function split(file: FileContent): Promise<void> {
  if (!isPkcs12Start(file.content)) await readIdentityContent(file, undefined);
}

async function failureOf({ key, read }: Reading): Promise<ConfigFinding[]> {
  try {
    await read();
    return [];
  } catch (error) {
    return [{ severity: 'error', path: ['identity', key], error: asCodedError(error) }];
  }
}

/** The private key may be in the certificate's file. */
function keyFor(error: CodedError, { certificate, privateKey, passphrase }: IdentityConfig): readonly string[] {
  const { code } = error;
  if (code === 'TRUST_ANCHOR_UNREACHABLE') return ['identity', 'trustAnchorBundle'];
  if (isSvid(certificate)) return ['identity', 'spiffe'];
  if (code.startsWith('PASSPHRASE_') || (passphrase && /^(?:PKCS11_PIN|TPM_PASSWORD)_/.test(code)))
    return ['identity', 'passphrase'];
  // Where only the certificate is named, its key is on the same token.
  const isOneUri = typeof certificate === 'object' && isDeepStrictEqual(certificate, privateKey);
  if (code === 'PKCS11_CERTIFICATE_NOT_FOUND' || (isOneUri && code.startsWith('PKCS11_')))
    return ['identity', 'certificate'];
  if (privateKey !== undefined && (error instanceof KeyFailure || KEY_CODE.test(code)))
    return ['identity', typeof privateKey === 'object' && privateKey.kind === 'command' ? 'signer' : 'privateKey'];
  if (code === 'CERTIFICATE_NOT_SELECTED') return ['identity', 'pkcs11', 'certificate'];
  return ['identity', code.startsWith('INTERMEDIATE_') ? 'intermediates' : 'certificate'];
}

/** Codes of this room that are about the key. */
const KEY_CODE = /^(?:KEY|PRIVATE_KEY|NO_PRIVATE_KEY|SEVERAL_PRIVATE_KEYS|RSA_KEY|ML_DSA)_?/;
