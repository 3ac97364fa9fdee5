import type { Environment } from '../foundation/process-environment.ts';
import type { Client } from './clients.ts';
import type { EnvironmentCode } from './environment-errors.ts';
import type { ProfileFile } from './profile-file.ts';

/** All that decides where a program's SDK looks for credentials. */
export interface SdkSettings {
  readonly environment: Environment;
  readonly files: SharedFiles;
  readonly endpoint: EndpointAddress;
}

export interface EndpointAddress {
  /** Such as http://127.0.0.1:9911; nothing after the port, as some SDKs drop a path and others double a slash. */
  readonly url: string;
  readonly region: string | undefined;
  /** Such as http://127.0.0.1:9912, the container endpoint of the same daemon. */
  readonly container?: string | undefined;
  /** What a program needs that is meant to ask the container endpoint instead. */
  readonly client?: ContainerVariables | undefined;
}

export interface ContainerVariables {
  readonly AWS_CONTAINER_CREDENTIALS_FULL_URI: string;
  readonly AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: string;
}

export interface SharedFiles {
  /** The two files that all SDKs and tools share, by default ~/.aws/config and ~/.aws/credentials. */
  readonly config: SharedFile;
  readonly credentials: SharedFile;
  /** Older files, which only botocore reads: ~/.boto and its like. */
  readonly boto: readonly SharedFile[];
  /** The names in the file that AWS_CREDENTIAL_FILE names, which only botocore reads. */
  readonly olderKeys: readonly string[];
  /** Why a file that a variable names cannot be read, such as `EACCES`, by that variable. */
  readonly unreadable: Readonly<Record<string, string>>;
}

export interface SharedFile extends ProfileFile {
  readonly path: string;
  /** Why it cannot be read, such as `EACCES`; a missing file counts as an empty one. */
  readonly unreadable: string | undefined;
}

/** Something that keeps programs from the endpoint. */
export interface Finding {
  readonly code: EnvironmentCode;
  /** What was seen; never a secret. */
  readonly what: string;
  readonly effects: readonly Effect[];
  readonly fix: Fix;
}

export interface Effect {
  readonly clients: readonly Client[];
  readonly severity: Severity;
  /** What they do instead; completes "they ...". */
  readonly how: string;
}

/** `other`: they sign with credentials from elsewhere, unnoticed. `none`: they find no credentials, or no region. */
export type Severity = 'other' | 'none';

export type Fix =
  | { readonly do: 'unset'; readonly names: readonly string[] }
  | { readonly do: 'set'; readonly variables: Readonly<Record<string, string>> }
  /** Appends to a comma separated list. */
  | { readonly do: 'append'; readonly names: readonly string[]; readonly value: string }
  /** Removes lines from a file. @param lines - counted from 1. */
  | { readonly do: 'remove'; readonly what: string; readonly file: string; readonly lines: readonly number[] }
  | { readonly do: 'edit'; readonly how: string };
