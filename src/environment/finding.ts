import type { Client } from './clients.ts';
import type { EnvironmentCode } from './environment-errors.ts';
import type { ProfileFile } from './profile-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** All that decides where a program's SDK looks for credentials. */
export interface Caller {
  readonly environment: Environment;
  readonly files: SharedFiles;
  readonly door: DoorAddress;
}

export interface DoorAddress {
  /** Such as http://127.0.0.1:9911; nothing after the port, as some SDKs drop a path and others double a slash. */
  readonly url: string;
  readonly region: string | undefined;
  /** Such as http://127.0.0.1:9912, where the container door of the same daemon is. */
  readonly container?: string | undefined;
  /** For a program that is meant to ask the container door instead: what it needs. */
  readonly client?: ContainerVariables | undefined;
}

export interface ContainerVariables {
  readonly AWS_CONTAINER_CREDENTIALS_FULL_URI: string;
  readonly AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: string;
}

/** The two files that all SDKs and tools share, by default ~/.aws/config and ~/.aws/credentials. */
export interface SharedFiles {
  readonly config: SharedFile;
  readonly credentials: SharedFile;
  /** Why the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names cannot be read, such as `EACCES`. */
  readonly tokenUnreadable?: string | undefined;
}

export interface SharedFile extends ProfileFile {
  readonly path: string;
  /** Why it cannot be read, such as `EACCES`; a file that is not there is an empty one. */
  readonly unreadable: string | undefined;
}

/** Something that wins over a door or breaks the way to it. */
export interface Finding {
  readonly code: EnvironmentCode;
  /** What was seen; never a secret. */
  readonly what: string;
  readonly hurts: readonly Hurt[];
  readonly mend: Mend;
}

export interface Hurt {
  readonly clients: readonly Client[];
  /** What they do instead; completes "they ...". */
  readonly how: string;
}

export type Mend =
  | { readonly do: 'unset'; readonly names: readonly string[] }
  | { readonly do: 'set'; readonly variables: Readonly<Record<string, string>> }
  /** Appends to a comma separated list. */
  | { readonly do: 'append'; readonly names: readonly string[]; readonly value: string }
  | { readonly do: 'edit'; readonly how: string };

/** One way in which an environment can be in the way. */
export type Rule = (caller: Caller) => readonly Finding[];
