import { isoSeconds } from '../foundation/clock.ts';

/** Condition keys in any letter case, with the values of the request. A list is a multivalued key. */
export type RequestContext = ReadonlyMap<string, string | readonly string[]>;

/** Who asks: an AWS service, or the session of a role. */
export type Principal = ServicePrincipal | RoleSession;

interface ServicePrincipal {
  readonly kind: 'service';
  /** `rolesanywhere.amazonaws.com` */
  readonly name: string;
}

interface RoleSession {
  readonly kind: 'session';
  /** Twelve digits. */
  readonly accountId: string;
  /** `arn:aws:iam::111122223333:role/path/NAME` */
  readonly roleArn: string;
  /** `arn:aws:sts::111122223333:assumed-role/NAME/SESSION` */
  readonly sessionArn: string;
}

/** One action on one resource. A call that needs several is several of these. */
export interface AccessRequest {
  readonly principal: Principal;
  /** `s3:PutObject` */
  readonly action: string;
  /** An ARN, or `*` for an action without resources. */
  readonly resource: string;
  readonly context: RequestContext;
}

/**
 * The request's values for a key, whose name is case-insensitive. Empty if the request lacks the
 * key. An empty tag counts as absent ("Null" in the User Guide).
 */
export function contextValues(context: RequestContext, key: string): readonly string[] {
  const wanted = key.toLowerCase();
  const values = [...context].filter(([name]) => name.toLowerCase() === wanted).flatMap(([, value]) => value);
  return TAG_KEY.test(wanted) ? values.filter((value) => value !== '') : values;
}

const TAG_KEY = /^[a-z0-9-]+:[a-z]*tag\//;

/** Whether the request has a list for the key, of any length. */
export function isMultivalued(context: RequestContext, key: string): boolean {
  const wanted = key.toLowerCase();
  return [...context].some(([name, value]) => name.toLowerCase() === wanted && typeof value !== 'string');
}

/** The condition keys of every request, also of those that services make. */
export function commonKeys(now: number, region: string): [string, string][] {
  return Object.entries({
    'aws:CurrentTime': isoSeconds(now),
    'aws:EpochTime': String(Math.floor(now / 1000)),
    'aws:RequestedRegion': region,
    // AWS has TLS only.
    'aws:SecureTransport': 'true',
    'aws:ViaAWSService': 'false',
  });
}
