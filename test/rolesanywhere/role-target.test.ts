import { describe, expect, it } from 'vitest';
import {
  checkedTrustAnchor,
  idProblems,
  servedRoleArn,
  sessionOwner,
  targetProblems,
} from '../../src/rolesanywhere/role-target.ts';
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
    const messages = targetProblems({
      ...target,
      profileArn: 'arn:aws-cn:rolesanywhere:cn-north-1:210987654321:profile/0',
    }).map(({ error }) => error.message);
    expect(messages).toEqual([
      'the trust anchor is in partition aws, the profile in aws-cn',
      'the trust anchor is in account 123456789012, the profile in 210987654321',
      'the trust anchor is in region eu-central-1, the profile in cn-north-1',
    ]);
  });

  it('determine the endpoint only if they match', () => {
    const roleArn = target.roleArn.replace('123456789012', '210987654321');
    expect(() => checkedTrustAnchor({ ...target, roleArn })).toThrow(
      expect.objectContaining({ code: 'ARN_ACCOUNTS_DIFFER' }) as Error,
    );
  });
});

describe('the owner of a session', () => {
  const { roleArn, profileArn, trustAnchorArn } = target;
  const assume = { roleArn: 'arn:aws:iam::210987654321:role/Second', sessionDuration: 3600 };

  it('is its three ARNs', () => {
    expect(sessionOwner(target)).toEqual([roleArn, profileArn, trustAnchorArn]);
    expect(servedRoleArn(target)).toBe(roleArn);
  });

  it('of a second role is also every setting of it that may limit the session', () => {
    const chained = { ...target, assume };
    expect(sessionOwner(chained).slice(0, 3)).toEqual(sessionOwner(target));
    expect(servedRoleArn(chained)).toBe(assume.roleArn);
    const others = [{ roleArn: `${assume.roleArn}2` }, { policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] }];
    const owners = [target, chained, ...others.map((other) => ({ ...target, assume: { ...assume, ...other } }))];
    expect(new Set(owners.map((owner) => JSON.stringify(sessionOwner(owner)))).size).toBe(4);
    expect(sessionOwner({ ...target, assume: { ...assume, sessionDuration: 900 } })).toEqual(sessionOwner(chained));
  });
});

describe('a name in place of an identifier', () => {
  const problemsOf = (change: Partial<typeof target>): string[] =>
    idProblems({ ...target, ...change }).map(({ key, error }) => `${key}: ${error.code}, ${error.message}`);
  const withId = (arn: string, id: string): string => arn.replace(/[^/]+$/, id);

  it('is a problem of trust anchors and profiles, not of roles', () => {
    expect(problemsOf({})).toEqual([]);
    expect(
      problemsOf({
        trustAnchorArn: withId(target.trustAnchorArn, 'devices'),
        profileArn: withId(target.profileArn, 'readers'),
      }),
    ).toEqual([
      'trustAnchorArn: ARN_ID_NOT_UUID, the trust anchor ends in "devices", which is not a UUID',
      'profileArn: ARN_ID_NOT_UUID, the profile ends in "readers", which is not a UUID',
    ]);
  });

  it.each([
    '1111111-2222-3333-4444-555555555555',
    'x11111111-2222-3333-4444-555555555555',
    '11111111-2222-3333-555555555555',
    '11111111-2222-3333-4444-55555555555',
    '11111111-2222-3333-4444-5555555555555',
    '11111111-222-3333-4444-555555555555',
    '1111111g-2222-3333-4444-555555555555',
  ])('is also %s', (id) => {
    expect(problemsOf({ profileArn: withId(target.profileArn, id) })).toHaveLength(1);
  });

  it('is not reported for what is no ARN at all', () => {
    expect(problemsOf({ profileArn: 'readers', trustAnchorArn: `${target.trustAnchorArn}/more` })).toEqual([]);
  });

  it('is reported for a resource of another kind too', () => {
    expect(problemsOf({ profileArn: target.roleArn })).toHaveLength(1);
  });
});
