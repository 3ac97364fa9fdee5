import { asCodedError } from '../foundation/errors.ts';
import { parseArn } from '../rolesanywhere/arn.ts';
import { rolesAnywhereError } from '../rolesanywhere/rolesanywhere-errors.ts';
import { stsUrl } from '../sts/endpoint.ts';
import type { FormProblem } from './check-form.ts';
import type { AssumeConfig, RoleConfig } from './config.ts';
import { configError } from './config-errors.ts';
import type { WrittenRole } from './schema.ts';

type WrittenAssume = NonNullable<WrittenRole['assume']>;

/** The settings of the first role that a second one inherits. */
export interface FirstRole extends Pick<RoleConfig, 'roleArn' | 'trustAnchorArn'> {
  readonly fips: boolean;
  readonly dualStack: boolean;
}

/** Without its own, STS is called in the region of the trust anchor, and its endpoint is of the same kind. */
export function resolveAssume(
  { endpoint, region, fips, dualStack, ...same }: WrittenAssume,
  first: FirstRole,
): AssumeConfig {
  const isOwn = endpoint !== undefined;
  return {
    roleArn: first.roleArn,
    ...same,
    sts: {
      region: region ?? first.trustAnchorArn.split(':')[3] ?? '',
      fips: fips ?? (first.fips && !isOwn),
      dualStack: dualStack ?? (first.dualStack && !isOwn),
      ...(isOwn && { endpoint }),
    },
  };
}

/** Problems of second roles. Those of the first role are reported elsewhere. */
export function assumeProblems(roles: readonly RoleConfig[]): FormProblem[] {
  return roles.flatMap(({ assume, ...first }, index) => {
    if (!assume) return [];
    const about = [
      ['roles', index, 'trustAnchorArn'],
      ['roles', index, 'roleArn'],
      ['rolesAnywhere', 'trustAnchorArn'],
    ];
    return [...arnProblems(first, assume), ...policyProblems(assume), ...tagProblems(assume)].map(({ key, error }) => ({
      path: ['roles', index, 'assume', ...key],
      about,
      error,
    }));
  });
}

interface Problem {
  readonly key: readonly (string | number)[];
  readonly error: FormProblem['error'];
}

function arnProblems(first: Omit<RoleConfig, 'assume'>, { roleArn, sts }: AssumeConfig): Problem[] {
  try {
    const { partition } = parseArn(roleArn, 'role');
    const expected = first.trustAnchorArn.split(':')[1];
    if (expected !== undefined && expected !== partition) {
      const what = `the trust anchor is in partition ${expected}, the role to assume in ${partition}`;
      return [{ key: ['roleArn'], error: rolesAnywhereError('ARN_PARTITIONS_DIFFER', what) }];
    }
    return expected === undefined ? [] : endpointProblems({ ...sts, partition });
  } catch (error) {
    // A role without its own ARN has that of the first role, which is reported there.
    return roleArn === first.roleArn ? [] : [{ key: ['roleArn'], error: asCodedError(error) }];
  }
}

function endpointProblems(place: Parameters<typeof stsUrl>[0]): Problem[] {
  try {
    stsUrl(place);
    return [];
  } catch (error) {
    return [{ key: [place.endpoint === undefined ? 'region' : 'endpoint'], error: asCodedError(error) }];
  }
}

const POLICY_ARN = /^arn:(?<partition>aws(?:-[a-z]+)*):iam::(?:aws|(?<account>\d{12})):policy\/[\x21-\x7e]{1,640}$/;

/** Managed policies of AWS, or of the account of the role. */
function policyProblems({ policyArns, roleArn }: AssumeConfig): Problem[] {
  const [, partition, , , account] = roleArn.split(':');
  return policyArns.flatMap((arn, position) => {
    const { partition: named, account: owner = account } = POLICY_ARN.exec(arn)?.groups ?? {};
    if (named !== undefined && named === partition && owner === account) return [];
    const what = `"${arn}" is not the ARN of a managed policy of AWS or of the account of the role`;
    return [{ key: ['policyArns', position], error: configError('CONFIG_WRONG_VALUE', what) }];
  });
}

function tagProblems({ tags, transitiveTagKeys }: AssumeConfig): Problem[] {
  const keys = Object.keys(tags);
  const lower = keys.map((key) => key.toLowerCase());
  const repeated = keys.filter((key, index) => lower.indexOf(key.toLowerCase()) < index);
  const wrong = (what: string): Problem['error'] => configError('CONFIG_WRONG_VALUE', what);
  return [
    ...(keys.length > 50 ? [{ key: ['tags'], error: wrong(`a session has at most 50 tags, not ${keys.length}`) }] : []),
    ...repeated.map((key) => ({
      key: ['tags', key],
      error: wrong(`another tag is named "${key}", letter case ignored`),
    })),
    ...transitiveTagKeys.flatMap((key, position) =>
      keys.includes(key)
        ? []
        : [{ key: ['transitiveTagKeys', position], error: wrong(`"${key}" is none of the tags`) }],
    ),
  ];
}
