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

/**
 * For a command, which ends before there is anything to log about the key process. What it asks has
 * a process group of its own, so a signal that ends the command ends that first.
 */
export function keysOfCommand(environment: KeyProcessOptions['environment']): OutsideKeys {
  const ask = keyProcesses({ environment, log: () => undefined });
  return outsideKeys((request, signal) => untilSignalled(signal, (either) => ask(request, either)));
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function untilSignalled<T>(signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const end = (name: NodeJS.Signals): void => {
    ending.abort(name);
  };
  for (const name of ENDING) process.once(name, end);
  try {
    return await ask(AbortSignal.any([signal, ending.signal]));
  } finally {
    for (const name of ENDING) process.off(name, end);
    if (ending.signal.aborted) await endedBy(ending.signal.reason as NodeJS.Signals);
  }
}

/** As if the signal had not been caught here. A command with a handler of its own decides for itself. */
async function endedBy(name: NodeJS.Signals): Promise<void> {
  // What was asked is ended by the promise reactions before that.
  await new Promise(setImmediate);
  if (process.listenerCount(name) === 0) process.kill(process.pid, name);
}
