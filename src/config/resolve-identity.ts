import path from 'node:path';
import { writtenSource, type Pkcs11Source, type WrittenSource } from '../keys/key-source.ts';
import type { IdentityConfig, PassphraseSource } from './config.ts';
import type { WrittenConfig } from './schema.ts';
import { secretSource } from './secret-source.ts';

type WrittenIdentity = WrittenConfig['identity'];

/** It loads every module that p11-kit knows. */
const DEFAULT_MODULE = 'p11-kit-proxy.so';

export function resolveIdentity(written: WrittenIdentity, directory: string): IdentityConfig {
  const fileOf = (file: string): string => path.resolve(directory, file);
  const { module: named = DEFAULT_MODULE } = written.pkcs11 ?? {};
  const module = named.includes('/') ? fileOf(named) : named;
  const certificate = sourceOf(written.certificate);
  // The key of a certificate in a token is next to it.
  const keySource = written.privateKey === undefined ? certificate : sourceOf(written.privateKey);
  const key = keySource ? located(keySource, module) : written.privateKey && fileOf(written.privateKey);
  return {
    certificate: certificate ? located(certificate, module) : fileOf(written.certificate),
    ...(key !== undefined && { privateKey: key }),
    ...(written.intermediates !== undefined && { intermediates: fileOf(written.intermediates) }),
    ...(written.trustAnchorBundle !== undefined && { trustAnchorBundle: fileOf(written.trustAnchorBundle) }),
    ...passphraseOf(written, keySource?.pinFile ?? certificate?.pinFile, directory),
    allowReadableKey: written.allowReadableKey ?? false,
  };
}

/** Undefined for a path. What is malformed was reported with the form of the configuration. */
function sourceOf(text: string): WrittenSource | undefined {
  const source = writtenSource(text);
  return typeof source === 'object' ? source : undefined;
}

function located({ kind, uri, module }: WrittenSource, otherwise: string): Pkcs11Source {
  return { kind, uri, module: module ?? otherwise };
}

function passphraseOf(
  { passphrase }: WrittenIdentity,
  pinFile: string | undefined,
  directory: string,
): { readonly passphrase?: PassphraseSource } {
  if (passphrase) return { passphrase: secretSource(passphrase, directory) };
  return pinFile === undefined ? {} : { passphrase: { from: 'file', path: pinFile } };
}
