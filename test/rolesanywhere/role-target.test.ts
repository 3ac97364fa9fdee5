import { describe, expect, it } from 'vitest';
import { checkedTrustAnchor, targetProblems } from '../../src/rolesanywhere/role-target.ts';
import { target } from './support.ts';

function codes(change: Partial<typeof target>): string[] {
  return targetProblems({ ...target, ...change }).map(({ key, error }) => `${key}: ${error.code}`);
}

describe('the three ARNs of a role', () => {
  it('match', () => {
    expect(codes({})).toEqual([]);
    expect(checkedTrustAnchor(target).region).toBe('eu-central-1');
  });

  it('must belong to one account, region and partition', () => {
    expect(codes({ roleArn: target.roleArn.replace('123456789012', '210987654321') })).toEqual([
      'roleArn: ARN_ACCOUNTS_DIFFER',
    ]);
    expect(codes({ profileArn: target.profileArn.replace('eu-central-1', 'eu-west-1') })).toEqual([
      'profileArn: ARN_REGIONS_DIFFER',
    ]);
    expect(codes({ roleArn: target.roleArn.replace('arn:aws:', 'arn:aws-cn:') })).toEqual([
      'roleArn: ARN_PARTITIONS_DIFFER',
    ]);
  });

  it('are all checked together', () => {
    expect(
      codes({
        profileArn: 'arn:aws-cn:rolesanywhere:cn-north-1:210987654321:profile/0',
        roleArn: target.profileArn,
      }),
    ).toEqual([
      'profileArn: ARN_PARTITIONS_DIFFER',
      'profileArn: ARN_ACCOUNTS_DIFFER',
      'profileArn: ARN_REGIONS_DIFFER',
      'roleArn: ARN_WRONG_KIND',
    ]);
    expect(codes({ trustAnchorArn: '', profileArn: '', roleArn: '' })).toHaveLength(3);
  });

  it('show both values if they differ', () => {
    const [problem] = targetProblems({ ...target, profileArn: target.profileArn.replace('eu-central-1', 'eu-west-1') });
    expect(problem?.error.message).toBe('the trust anchor is in region eu-central-1, the profile in eu-west-1');
  });
});
