import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { type Arn, type ArnKind, parseArn } from './arn.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

/** The role to ask for, through which profile and trust anchor, and how. */
export interface RoleTarget {
  readonly trustAnchorArn: string;
  readonly profileArn: string;
  readonly roleArn: string;
  /** Seconds, 900 to 43200. The service may grant less. */
  readonly sessionDuration: number;
  readonly roleSessionName?: string;
  /** Of Roles Anywhere, where this role has its own. */
  readonly endpoint?: string;
  readonly fips?: boolean;
  readonly dualStack?: boolean;
}

export type TargetArns = Pick<RoleTarget, 'trustAnchorArn' | 'profileArn' | 'roleArn'>;

/** A role that may be assumed by way of another one. */
export interface ChainedTarget {
  readonly assume?: { readonly roleArn: string; readonly sessionDuration: number };
}

/**
 * Identifies the owner of a session by its ARNs, and by all settings of a second role that may
 * limit the session. Other settings of a target do not change the owner.
 */
export function sessionOwner({
  roleArn,
  profileArn,
  trustAnchorArn,
  assume,
}: TargetArns & ChainedTarget): readonly string[] {
  if (!assume) return [roleArn, profileArn, trustAnchorArn];
  const { sessionDuration, ...second } = assume;
  return [roleArn, profileArn, trustAnchorArn, JSON.stringify(second)];
}

/** The role whose sessions are served. */
export function servedRoleArn({ roleArn, assume }: Pick<RoleTarget, 'roleArn'> & ChainedTarget): string {
  return assume?.roleArn ?? roleArn;
}

export interface TargetProblem {
  readonly key: keyof TargetArns;
  readonly error: CodedError;
}

const KINDS: Readonly<Record<keyof TargetArns, ArnKind>> = {
  trustAnchorArn: 'trust anchor',
  profileArn: 'profile',
  roleArn: 'role',
};

/**
 * All problems of the three ARNs, each with its key, found without a call. All resources must be in
 * one account, and anchor and profile in one region.
 */
export function targetProblems(target: TargetArns): readonly TargetProblem[] {
  const problems: TargetProblem[] = [];
  const read = (key: keyof TargetArns): Arn | undefined => {
    try {
      return parseArn(target[key], KINDS[key]);
    } catch (error) {
      problems.push({ key, error: asCodedError(error) });
      return undefined;
    }
  };
  const anchor = read('trustAnchorArn');
  for (const key of ['profileArn', 'roleArn'] as const) {
    const arn = read(key);
    if (anchor && arn) problems.push(...differences(anchor, arn, KINDS[key]).map((error) => ({ key, error })));
  }
  return problems;
}

/**
 * AWS's pattern for the identifiers of profiles and trust anchors (IAM Roles Anywhere API
 * reference).
 */
const ID = /\/[a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}$/;

/**
 * Names in place of identifiers in otherwise valid ARNs. Only configurations are checked for this,
 * because emulators may use names.
 */
export function idProblems(target: TargetArns): readonly TargetProblem[] {
  const malformed = new Set(
    targetProblems(target).map(({ key, error }) => (error.code === 'ARN_MALFORMED' ? key : undefined)),
  );
  return (['trustAnchorArn', 'profileArn'] as const)
    .filter((key) => !malformed.has(key) && /^arn:.*\//.test(target[key]) && !ID.test(target[key]))
    .map((key) => {
      const id = target[key].split('/').at(-1) ?? '';
      return {
        key,
        error: rolesAnywhereError('ARN_ID_NOT_UUID', `the ${KINDS[key]} ends in "${id}", which is not a UUID`),
      };
    });
}

/**
 * The trust anchor of a target whose ARNs match. Its partition and region determine the endpoint.
 *
 * @throws CodedError the first of {@link targetProblems}.
 */
export function checkedTrustAnchor(target: TargetArns): Arn {
  const [problem] = targetProblems(target);
  if (problem) throw problem.error;
  return parseArn(target.trustAnchorArn, 'trust anchor');
}

function differences(anchor: Arn, other: Arn, kind: ArnKind): CodedError[] {
  const differ = (of: 'partition' | 'account' | 'region', one: string, two: string): string =>
    `the trust anchor is in ${of} ${one}, the ${kind} in ${two}`;
  const found: CodedError[] = [];
  if (other.partition !== anchor.partition)
    found.push(rolesAnywhereError('ARN_PARTITIONS_DIFFER', differ('partition', anchor.partition, other.partition)));
  if (other.accountId !== anchor.accountId)
    found.push(rolesAnywhereError('ARN_ACCOUNTS_DIFFER', differ('account', anchor.accountId, other.accountId)));
  if (other.region !== '' && other.region !== anchor.region)
    found.push(rolesAnywhereError('ARN_REGIONS_DIFFER', differ('region', anchor.region, other.region)));
  return found;
}
