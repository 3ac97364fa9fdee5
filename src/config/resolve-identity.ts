import path from 'node:path';
import {
  writtenSource,
  type CommandSource,
  type KeySource,
  type Pkcs11Source,
  type WrittenSource,
} from '../keys/key-source.ts';
import type { WrittenPkcs11 } from '../keys/pkcs11/written-source.ts';
import type { FormProblem } from './check-form.ts';
import { configError } from './config-errors.ts';
import type { IdentityConfig, PassphraseSource } from './config.ts';
import type { WrittenConfig } from './schema.ts';
import { secretSource } from './secret-source.ts';

type WrittenIdentity = WrittenConfig['identity'];

/** It loads every module that p11-kit knows. */
const DEFAULT_MODULE = 'p11-kit-proxy.so';

export function resolveIdentity(written: WrittenIdentity, directory: string): IdentityConfig {
  const fileOf = (file: string): string => path.resolve(directory, file);
  const { module: named = DEFAULT_MODULE } = written.pkcs11 ?? {};
  const places: Places = { fileOf, module: named.includes('/') ? fileOf(named) : named };
  const certificate = sourceOf(written.certificate);
  const privateKey = keyOf(written, places);
  return {
    certificate: certificate?.kind === 'pkcs11' ? onToken(certificate, places) : fileOf(written.certificate),
    ...(privateKey !== undefined && { privateKey }),
    ...(written.intermediates !== undefined && { intermediates: fileOf(written.intermediates) }),
    ...(written.trustAnchorBundle !== undefined && { trustAnchorBundle: fileOf(written.trustAnchorBundle) }),
    ...passphraseOf(written, pinFileIn(written.privateKey) ?? pinFileIn(written.certificate), directory),
    allowReadableKey: written.allowReadableKey ?? false,
  };
}

/** A key is in one place. */
export function identityProblems({ privateKey, signer }: WrittenIdentity): FormProblem[] {
  if (privateKey === undefined || !signer) return [];
  const what = 'identity.privateKey and identity.signer both say where the key is; remove one of them';
  return [{ path: ['identity', 'signer'], error: configError('CONFIG_WRONG_VALUE', what) }];
}

interface Places {
  readonly fileOf: (file: string) => string;
  /** The PKCS#11 module of URIs that name none. */
  readonly module: string;
}

function keyOf({ privateKey, certificate, signer }: WrittenIdentity, places: Places): string | KeySource | undefined {
  if (signer) return commandOf(signer, places);
  // The key of a certificate in a token is next to it.
  const text = privateKey ?? (sourceOf(certificate) && certificate);
  if (text === undefined) return undefined;
  const source = sourceOf(text);
  switch (source?.kind) {
    case undefined:
      return places.fileOf(text);
    case 'pkcs11':
      return onToken(source, places);
    case 'ssh-agent':
      return source.socket === undefined ? source : { ...source, socket: places.fileOf(source.socket) };
  }
}

/** Undefined for a path. What is malformed was reported with the form of the configuration. */
function sourceOf(text: string): WrittenSource | undefined {
  const source = writtenSource(text);
  return typeof source === 'object' ? source : undefined;
}

function onToken({ kind, uri, module }: WrittenPkcs11, places: Places): Pkcs11Source {
  return { kind, uri, module: module ?? places.module };
}

function pinFileIn(text: string | undefined): string | undefined {
  const source = text === undefined ? undefined : sourceOf(text);
  return source?.kind === 'pkcs11' ? source.pinFile : undefined;
}

const DEFAULT_TIMEOUT_SECONDS = 10;

function commandOf(written: NonNullable<WrittenIdentity['signer']>, { fileOf }: Places): CommandSource {
  const [program = '', ...args] = written.command;
  return {
    kind: 'command',
    argv: [fileOf(program), ...args],
    environment: written.environment ?? [],
    timeoutMs: (written.timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1_000,
  };
}

function passphraseOf(
  { passphrase }: WrittenIdentity,
  pinFile: string | undefined,
  directory: string,
): { readonly passphrase?: PassphraseSource } {
  if (passphrase) return { passphrase: secretSource(passphrase, directory) };
  return pinFile === undefined ? {} : { passphrase: { from: 'file', path: pinFile } };
}
