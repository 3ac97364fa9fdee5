// Keys and certificates outside of files: the values of identity.privateKey and
// identity.certificate in place of a path.

import { type WrittenPkcs11, writtenPkcs11 } from './pkcs11/written-source.ts';

/** The place of a key that never leaves it. A key in a file is named by its path. */
export type KeySource = Pkcs11Source | TpmSource | SshAgentSource | CommandSource;

/** A key or a certificate in a token, or anything else with a PKCS#11 module. */
export interface Pkcs11Source {
  readonly kind: 'pkcs11';
  /** RFC 7512, without PIN and module. */
  readonly uri: string;
  /** Path of the module, or a name that the system's loader finds. */
  readonly module: string;
}

/** A key in a TPM 2.0. */
export interface TpmSource {
  readonly kind: 'tpm';
  /** A persistent key by its handle, or the content of a key file (DER), and its path for messages. */
  readonly key: { readonly handle: number } | { readonly file: Uint8Array; readonly path: string };
  /** A device, or a Unix socket. Absent: $TPM_DEVICE, or the kernel's device. */
  readonly device?: string;
}

/** A key in an SSH agent. */
export interface SshAgentSource {
  readonly kind: 'ssh-agent';
  /** Path of its Unix socket. Absent: the one in $SSH_AUTH_SOCK. */
  readonly socket?: string;
}

/** A program that signs: docs/keys.md, "The command protocol". */
export interface CommandSource {
  readonly kind: 'command';
  /** Its path and its arguments, run without a shell. */
  readonly argv: readonly [string, ...string[]];
  /** Names of the variables that it gets, in addition to PATH. */
  readonly environment: readonly string[];
  readonly timeoutMs: number;
}

/** A value in place of a path. */
export type WrittenSource = WrittenPkcs11 | TpmSource | SshAgentSource;

/** @returns undefined for a path; a text for a malformed source: the problem, to follow "must be". */
export function writtenSource(text: string): WrittenSource | string | undefined {
  if (/^pkcs11:/i.test(text)) return writtenPkcs11(text);
  if (/^handle:/i.test(text)) return writtenHandle(text);
  const { socket } = /^ssh-agent:(?<socket>.*)$/is.exec(text)?.groups ?? {};
  if (socket === undefined) return undefined;
  return { kind: 'ssh-agent', ...(socket !== '' && { socket }) };
}

/** Only persistent handles, which start with 0x81: others do not survive a restart of the machine. */
function writtenHandle(text: string): TpmSource | string {
  const [, digits] = /^handle:0x(81[0-9a-f]{6})$/i.exec(text) ?? [];
  if (digits === undefined) return 'the handle of a persistent key in a TPM, such as handle:0x81010001';
  return { kind: 'tpm', key: { handle: parseInt(digits, 16) } };
}

/** The path, if the value names a file. */
export function filePath(named: string | { readonly kind: string } | undefined): string | undefined {
  return typeof named === 'string' ? named : undefined;
}

/** The name of a source in messages. */
export function sourceText(source: KeySource): string {
  switch (source.kind) {
    case 'pkcs11':
      return source.uri;
    case 'tpm':
      return 'handle' in source.key ? `handle:0x${source.key.handle.toString(16)}` : source.key.path;
    case 'ssh-agent':
      return `ssh-agent:${source.socket ?? ''}`;
    case 'command':
      return source.argv[0];
  }
}

/** Identifies the device of a source, which handles one request at a time. */
export function deviceOf(source: KeySource): string {
  switch (source.kind) {
    case 'pkcs11':
      return source.module;
    case 'tpm':
      return `TPM ${source.device ?? ''}`;
    case 'ssh-agent':
    case 'command':
      return sourceText(source);
  }
}

/**
 * The scope in which wrong secrets are counted: all keys of a token share its PIN, and each key
 * file has its own.
 */
export function lockOf(source: KeySource): string {
  switch (source.kind) {
    case 'pkcs11':
      return tokenAttributes(source.uri);
    case 'tpm':
      return 'handle' in source.key ? sourceText(source) : Buffer.from(source.key.file).toString('base64');
    case 'ssh-agent':
    case 'command':
      return sourceText(source);
  }
}

function tokenAttributes(uri: string): string {
  const attributes = uri.slice('pkcs11:'.length).split(';');
  return attributes
    .filter((each) => !/^(?:object|id|type)=/.test(each))
    .sort()
    .join(';');
}
