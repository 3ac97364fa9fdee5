import type { KeyObject } from 'node:crypto';
import { keyProcesses, type KeyProcessOptions } from './ask-key-process.ts';
import type { AskKeyProcess, FoundCertificates } from './key-request.ts';
import type { KeySource, Pkcs11Source } from './key-source.ts';
import { secretText, type Signer, signerWith } from './signer.ts';

/** Keys and certificates outside this process. Each call is one request to their place. */
export interface OutsideKeys {
  readonly sign: Signer;
  /**
   * SubjectPublicKeyInfo of every private key that matches the source; undefined: only the
   * certificate identifies it.
   */
  readonly publicKeys: (
    source: KeySource,
    secret: KeyObject | undefined,
    signal: AbortSignal,
  ) => Promise<readonly Uint8Array[] | undefined>;
  readonly certificates: (
    source: Pkcs11Source,
    secret: KeyObject | undefined,
    signal: AbortSignal,
  ) => Promise<FoundCertificates>;
}

export function outsideKeys(ask: AskKeyProcess): OutsideKeys {
  return {
    sign: signerWith(ask),
    publicKeys: (source, secret, signal) => ask({ operation: 'keys', source, secret: secretText(secret) }, signal),
    certificates: (source, secret, signal) =>
      ask({ operation: 'certificates', source, secret: secretText(secret) }, signal),
  };
}

/** For a command, which ends before there is anything to log about the key process. */
export function keysOfCommand(environment: KeyProcessOptions['environment']): OutsideKeys {
  return outsideKeys(keyProcesses({ environment, log: () => undefined }));
}
