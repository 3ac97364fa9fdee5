import type { Environment } from '../foundation/process-environment.ts';
import type { Client } from './clients.ts';
import type { EnvironmentCode } from './environment-errors.ts';
import type { ProfileFile } from './profile-file.ts';

/** Everything that determines where a program's SDK looks for credentials. */
export interface SdkSettings {
  readonly environment: Environment;
  readonly files: SharedFiles;
  readonly endpoint: EndpointAddress;
}

export interface EndpointAddress {
  /** Such as http://127.0.0.1:9911, without a path: some SDKs drop it, and others double the slash. */
  readonly url: string;
  readonly region: string | undefined;
  /** Such as http://127.0.0.1:9912, the container endpoint of the same daemon. */
  readonly container?: string | undefined;
  /** The variables of a program that should ask the container endpoint instead. */
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
  /** ~/.aws/credentials, if AWS_SHARED_CREDENTIALS_FILE names another file. */
  readonly homeCredentials?: SharedFile | undefined;
  /** Older files that only botocore reads, such as ~/.boto. */
  readonly boto: readonly SharedFile[];
  /** The names in the file of AWS_CREDENTIAL_FILE, which only botocore reads. */
  readonly olderKeys: readonly string[];
  /** Why the file of a variable cannot be read, such as `EACCES`, by variable. */
  readonly unreadable: Readonly<Record<string, string>>;
}

export interface SharedFile extends ProfileFile {
  readonly path: string;
  /** Why it cannot be read, such as `EACCES`. A missing file counts as empty. */
  readonly unreadable: string | undefined;
}

/** A setting that keeps programs from the endpoint. */
export interface Finding {
  readonly code: EnvironmentCode;
  /** The observed setting, without secrets. */
  readonly what: string;
  readonly effects: readonly Effect[];
  readonly fix: Fix;
}

export interface Effect {
  readonly clients: readonly Client[];
  readonly severity: Severity;
  /** What they do instead. Completes "they ...". */
  readonly how: string;
}

/**
 * `other`: they silently sign with other credentials. `none`: they find no credentials, or no
 * region.
 */
export type Severity = 'other' | 'none';

export type Fix =
  | { readonly do: 'unset'; readonly names: readonly string[] }
  | { readonly do: 'set'; readonly variables: Readonly<Record<string, string>> }
  /** Appends to a comma-separated list. */
  | { readonly do: 'append'; readonly names: readonly string[]; readonly value: string }
  /** Removes lines from a file. @param lines - counted from 1. */
  | { readonly do: 'remove'; readonly what: string; readonly file: string; readonly lines: readonly number[] }
  | { readonly do: 'edit'; readonly how: string };
