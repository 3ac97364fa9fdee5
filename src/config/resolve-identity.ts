import type { KeyPath } from '../foundation/config-finding.ts';
import type { CommandSource, KeySource, Pkcs11Source, WrittenSource } from '../keys/key-source.ts';
import type { WrittenPkcs11 } from '../keys/pkcs11/written-source.ts';
import type { FormProblem } from './check-form.ts';
import type { IdentityConfig } from './config.ts';
import { configError } from './config-errors.ts';
import type { WrittenConfig } from './schema.ts';

type WrittenIdentity = WrittenConfig['identity'];
/** Without `spiffe`. */
type WithKey = Extract<WrittenIdentity, { certificate: unknown }>;

export function resolveIdentity(written: WrittenIdentity): IdentityConfig {
  return written.certificate === undefined ? fromAgent(written) : withKey(written);
}

function fromAgent({ spiffe, pkcs11, ...same }: Exclude<WrittenIdentity, WithKey>): IdentityConfig {
  return { ...same, certificate: { kind: 'spiffe', ...spiffe } };
}

function withKey({
  certificate,
  privateKey,
  signer,
  pkcs11: { module, certificate: selector },
  spiffe,
  ...same
}: WithKey): IdentityConfig {
  // The key of a certificate in a token is next to it.
  const key = privateKey ?? (typeof certificate === 'object' ? certificate : undefined);
  const pinFile = pinFileOf(privateKey) ?? pinFileOf(certificate);
  return {
    ...(pinFile !== undefined && { passphrase: { from: 'file', path: pinFile } }),
    ...same,
    certificate: typeof certificate === 'string' ? certificate : onToken(certificate, module),
    ...(selector && { certificateSelector: selector }),
    ...(signer && { privateKey: commandOf(signer) }),
    ...(key !== undefined && !signer && { privateKey: keyOf(key, module, same.tpm?.device) }),
  };
}

/** `privateKey` and `signer` exclude each other. Only certificates on a token can be selected. */
export function identityProblems(written: WrittenIdentity): FormProblem[] {
  if (written.certificate === undefined) return [];
  const { certificate, privateKey, signer, renew, pkcs11 } = written;
  const problem = (path: KeyPath, what: string): FormProblem => ({
    path: ['identity', ...path],
    error: configError('CONFIG_WRONG_VALUE', what),
  });
  return [
    ...(privateKey !== undefined && signer ? [problem(['signer'], TWO_KEYS)] : []),
    ...(renew && typeof certificate !== 'string' ? [problem(['renew'], NOT_WRITABLE)] : []),
    ...(renew?.rekey && !isKeyInPlainFile(written) ? [problem(['renew', 'rekey'], KEY_STAYS)] : []),
    ...(pkcs11.certificate && typeof certificate === 'string' ? [problem(['pkcs11', 'certificate'], NO_TOKEN)] : []),
  ];
}

const TWO_KEYS = 'identity.privateKey and identity.signer both say where the key is; remove one of them';
const NOT_WRITABLE =
  'a renewed certificate is written to a file, and identity.certificate is on a token: copy it to a file and name that, or remove renew';
function isKeyInPlainFile({ certificate, privateKey = certificate, signer, passphrase }: WrittenIdentity): boolean {
  return typeof privateKey === 'string' && !signer && !passphrase;
}

const KEY_STAYS =
  'only a key in a file without a passphrase can be replaced: name such a file in identity.privateKey, or remove rekey';
const NO_TOKEN =
  'only certificates on a token can be selected, and identity.certificate is a file: name a pkcs11: URI there, or remove the selection';

function keyOf(key: string | WrittenSource, module: string, device: string | undefined): string | KeySource {
  if (typeof key === 'string') return key;
  if (key.kind === 'pkcs11') return onToken(key, module);
  return key.kind === 'tpm' && device !== undefined ? { ...key, device } : key;
}

/** @param otherwise - the module of URIs that name none. */
function onToken({ kind, uri, module }: WrittenPkcs11, otherwise: string): Pkcs11Source {
  return { kind, uri, module: module ?? otherwise };
}

function commandOf({ command, environment, timeout }: NonNullable<WithKey['signer']>): CommandSource {
  return { kind: 'command', argv: command, environment, timeoutMs: timeout * 1_000 };
}

function pinFileOf(source: string | WrittenSource | undefined): string | undefined {
  return typeof source === 'object' && source.kind === 'pkcs11' ? source.pinFile : undefined;
}
