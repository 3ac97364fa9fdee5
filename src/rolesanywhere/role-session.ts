import type { Secret } from '../foundation/secret.ts';

/** One complete set of temporary credentials, as granted by CreateSession or AssumeRole. Frozen. */
export interface RoleSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret;
  /**
   * Milliseconds since the epoch, whole seconds. Always from the answer, because the service may
   * silently grant less than requested.
   */
  readonly expiration: number;
  /** Milliseconds since the epoch when the answer arrived. */
  readonly receivedAt: number;
  /** `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION` */
  readonly assumedRoleArn: string;
  readonly sourceIdentity: string | undefined;
  readonly subjectArn: string | undefined;
  readonly requestId: string | undefined;
  /** The session that this one was assumed with; absent for one of CreateSession. */
  readonly firstHop?: FirstHop;
}

export interface FirstHop {
  readonly assumedRoleArn: string;
  readonly accessKeyId: string;
  readonly requestId: string | undefined;
}
