import type { RoleConfig } from '../config/config.ts';
import type { RoleEndpointKind } from '../endpoints/shared-endpoints.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { LastSignatures } from '../keys/observed-signer.ts';
import type { RenewalState } from '../renewal/certificate-renewal.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { KeeperState } from '../sessions/refresh-policy.ts';

/**
 * The data of status, readiness and metrics, from memory at one moment. Times are milliseconds
 * since the epoch.
 */
export interface DaemonSnapshot {
  /** When it was taken. */
  readonly now: number;
  readonly startedAt: number;
  /** Why the configuration on disk is not in use. */
  readonly configurationFault: CodedError | undefined;
  /** Why an endpoint may reject valid clients: it cannot read the keys of the cluster. */
  readonly endpointFault?: CodedError | undefined;
  readonly identity: IdentitySnapshot;
  readonly roles: readonly RoleSnapshot[];
}

export interface IdentitySnapshot {
  /** In use, expired or not. */
  readonly used: SigningIdentity | undefined;
  /** Newer, without a granted session so far. */
  readonly candidate: SigningIdentity | undefined;
  /** Why the candidate was refused. */
  readonly refusal: { readonly failure: CodedError; readonly restsUntil: number } | undefined;
  /** Why the files on disk, or the SVID of the agent, are not used. */
  readonly fault: CodedError | undefined;
  readonly signatures: LastSignatures;
  /** Of the renewal program; undefined: not configured. */
  readonly renewal?: RenewalState | undefined;
}

export interface RoleSnapshot {
  readonly role: Pick<RoleConfig, 'name' | 'roleArn' | 'required' | 'assume'>;
  readonly keeper: KeeperState;
  /** Of the role that this one is assumed with; undefined: none. */
  readonly firstHop?: KeeperState | undefined;
  /** The session that requests get; undefined: 503. */
  readonly current: RoleSession | undefined;
  readonly endpoints: readonly EndpointSnapshot[];
}

/** Where clients find a role. */
export interface EndpointSnapshot {
  readonly kind: RoleEndpointKind;
  /** AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_CONTAINER_CREDENTIALS_FULL_URI, or `unix:` and the path of the socket. */
  readonly url: string;
}
