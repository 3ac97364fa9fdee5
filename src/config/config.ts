import type { KeySource, Pkcs11Source } from '../keys/key-source.ts';

/**
 * What the operator asked for, checked and with defaults filled in. Whether it came from a file or from flags is forgotten here.
 * Other rooms import these types only.
 */
export interface Config {
  readonly identity: IdentityConfig;
  readonly rolesAnywhere: RolesAnywhereConfig;
  readonly roles: readonly RoleConfig[];
  /** The same endpoint on a Unix socket. Absent: there is none. */
  readonly socket?: SocketConfig;
  /** Absent: there is no container-credentials endpoint. */
  readonly container?: ContainerConfig;
  /** Absent: nothing outlives the process. */
  readonly state?: StateConfig;
  /** Absent: nothing tells how the daemon is but its log. */
  readonly admin?: AdminConfig;
  readonly systemd?: SystemdConfig;
  /** Absent: no audit log. */
  readonly audit?: AuditConfig;
  readonly log: LogConfig;
}

export type AuditConfig = { readonly to: 'stderr' } | { readonly to: 'file'; readonly path: string };

/** Where liveness, readiness, status and metrics are told; at least one of `listen` and `socket`. */
export interface AdminConfig {
  /** Port 0 lets the system choose. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Path of a Unix socket. */
  readonly socket?: string;
  /** Host header values accepted besides those that name this host. */
  readonly allowedHosts: readonly string[];
}

export interface SystemdConfig {
  /** What completes the start: all endpoints listen, or all required roles hold sessions too. Absent: `endpoints`. */
  readonly ready: 'endpoints' | 'sessions';
}

export interface StateConfig {
  readonly directory: string;
  /** What seals the sessions kept there; absent: the identity's private key. */
  readonly key?: PassphraseSource | { readonly from: 'tpm' };
}

/** Where a passphrase or another secret is kept; never the secret itself. */
export type PassphraseSource =
  | { readonly from: 'file'; readonly path: string }
  /** A systemd credential: a file of this name in $CREDENTIALS_DIRECTORY. */
  | { readonly from: 'credential'; readonly name: string }
  | { readonly from: 'environment'; readonly variable: string };

export interface IdentityConfig {
  /** The path of a file: PEM (leaf, chain and possibly the key, in any order), DER, or PKCS#12. Or a certificate in a token. */
  readonly certificate: string | Pkcs11Source;
  /** The path of a file, or where a key is that signs there. Absent when the key is in the certificate's file (PEM or PKCS#12). */
  readonly privateKey?: string | KeySource;
  /** Further certificates for the chain. */
  readonly intermediates?: string;
  /** The CA certificates of the trust anchor: the chain is built towards them. Absent: everything that may lead to it is sent. */
  readonly trustAnchorBundle?: string;
  readonly passphrase?: PassphraseSource;
  readonly tpm?: TpmConfig;
  /** Accept a key file that group or others can read (Kubernetes volumes with fsGroup). */
  readonly allowReadableKey: boolean;
}

/** For keys in a TPM 2.0; of one in a handle the device is also in its source. */
export interface TpmConfig {
  /** A device, or a Unix socket. */
  readonly device?: string;
  readonly parentPassword?: PassphraseSource;
  readonly ownerPassword?: PassphraseSource;
}

export interface RolesAnywhereConfig {
  /** Base URL instead of the region's own; may have a path. */
  readonly endpoint?: string;
  readonly fips: boolean;
  readonly dualStack: boolean;
  /** PEM file of the CAs to trust for TLS, instead of Node's. */
  readonly caBundle?: string;
}

export interface RoleConfig {
  /** How logs, status and commands call it; unique. */
  readonly name: string;
  readonly roleArn: string;
  readonly profileArn: string;
  readonly trustAnchorArn: string;
  /** Seconds, 900 to 43200. */
  readonly sessionDuration: number;
  readonly roleSessionName?: string;
  /** Absent: true. The daemon is ready without the sessions of roles that are not. */
  readonly required?: boolean;
  /** Who may have it; absent: every user who can reach an endpoint. */
  readonly allow?: AccessConfig;
  /** Absent: the role is served by another endpoint. */
  readonly imds?: ImdsEndpointConfig;
}

/** Users and groups of this host, by name or number; at least one. */
export interface AccessConfig {
  readonly users: readonly (string | number)[];
  readonly groups: readonly (string | number)[];
}

export interface ImdsEndpointConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Host header values accepted besides those that name this host. */
  readonly allowedHosts: readonly string[];
  /** Hosts that answers may pass through, the receiver included: 1 to 255. Absent: as the system has it, usually 64. */
  readonly hopLimit?: number;
  /** Served as placement/region; absent: those paths are 404. */
  readonly region?: string;
  readonly availabilityZone?: string;
}

/** One address for many roles; what a client may have, its token decides. */
export interface ContainerConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Host header values accepted besides those that name this host. */
  readonly allowedHosts: readonly string[];
  readonly tokens: readonly ClientTokenConfig[];
}

export interface SocketConfig {
  readonly path: string;
}

export interface ClientTokenConfig {
  /** How logs call it; unique. */
  readonly client: string;
  /** Names of the roles it may have. */
  readonly roles: readonly string[];
  /** Where the token is put. */
  readonly file: string;
  /** Whose the file is, by name or number; absent: the daemon's own user. */
  readonly owner?: string | number;
  /** A group that may read the file; absent: nobody else may. */
  readonly group?: string | number;
  /** False: the token stays the same, for programs that do not read it from the file again. */
  readonly rotate?: boolean;
}

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}
