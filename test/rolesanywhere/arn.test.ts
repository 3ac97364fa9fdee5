import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { type ArnKind, parseArn, roleName } from '../../src/rolesanywhere/arn.ts';

const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/0f1e2d3c-aaaa-bbbb-cccc-000000000000';
const PROFILE = 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/0f1e2d3c-aaaa-bbbb-cccc-000000000000';
const ROLE = 'arn:aws:iam::123456789012:role/service/team-a/Demo';
const KINDS: readonly ArnKind[] = ['trust anchor', 'profile', 'role'];

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('an ARN', () => {
  it('is parsed', () => {
    expect(parseArn(ANCHOR, 'trust anchor')).toEqual({
      partition: 'aws',
      region: 'eu-central-1',
      accountId: '123456789012',
      resource: 'trust-anchor/0f1e2d3c-aaaa-bbbb-cccc-000000000000',
    });
  });

  it('of a role has a name without its path', () => {
    expect(roleName(parseArn(ROLE, 'role'))).toBe('Demo');
    expect(roleName(parseArn('arn:aws-cn:iam::123456789012:role/Demo+=,.@-_1', 'role'))).toBe('Demo+=,.@-_1');
  });

  it.each([
    ['trust anchor', PROFILE, 'is the ARN of a profile, but this key needs a trust anchor'],
    ['trust anchor', ROLE, 'is the ARN of a role'],
    ['profile', ANCHOR, 'is the ARN of a trust anchor'],
    ['role', PROFILE, 'is the ARN of a profile'],
    ['role', 'arn:aws:iam::123456789012:instance-profile/Demo', 'a resource of iam'],
    ['role', 'arn:aws:sts::123456789012:assumed-role/Demo/0123', 'a resource of sts'],
    ['role', 'arn:aws:iam::123456789012:user/Demo', 'a resource of iam'],
    ['role', 'arn:aws:sts::123456789012:role/Demo', 'a resource of sts'],
    ['trust anchor', ANCHOR.replace('rolesanywhere', 'sns'), 'is the ARN of a resource of sns'],
    ['profile', PROFILE.replace('profile/', 'crl/'), 'a resource of rolesanywhere'],
  ] as const)('given as %s is reported as what it is: %s', (kind, arn, what) => {
    expect(() => parseArn(arn, kind)).toThrow(what);
    expect(codeOf(() => parseArn(arn, kind))).toBe('ARN_WRONG_KIND');
  });

  it.each([
    ['trust anchor', ''],
    ['trust anchor', 'trust-anchor/0f1e2d3c'],
    ['trust anchor', ` ${ANCHOR}`],
    ['trust anchor', `${ANCHOR}\n`],
    ['trust anchor', ANCHOR.replace('arn:aws:', 'arn:azure:')],
    ['trust anchor', ANCHOR.replace('123456789012', '12345678901')],
    ['trust anchor', ANCHOR.replace('eu-central-1', '')],
    ['trust anchor', ANCHOR.replace('eu-central-1', 'evil.example/')],
    ['trust anchor', ANCHOR.replace('eu-central-1', 'EU-CENTRAL-1')],
    ['trust anchor', ANCHOR.replace('eu-central-1', 'evil.example/eu-central-1')],
    ['trust anchor', ANCHOR.replace('eu-central-1', 'eu-central-1.evil.example')],
    ['profile', `${PROFILE}/more`],
    ['profile', `${PROFILE}!`],
    ['trust anchor', `${ANCHOR}/more`],
    ['trust anchor', `${ANCHOR}${'0'.repeat(1000)}`],
    ['profile', PROFILE.slice(0, PROFILE.indexOf('/') + 1)],
    ['profile', PROFILE.replace('profile/', 'profile/profile/')],
    ['trust anchor', ANCHOR.replace('trust-anchor/', 'trust-anchor/trust-anchor/')],
    ['role', 'arn:aws:iam::123456789012:role/a b/role/Demo'],
    ['role', 'arn:aws:iam::123456789012:role/'],
    ['role', 'arn:aws:iam::123456789012:role/a b'],
    ['role', 'arn:aws:iam:us-east-1:123456789012:role/Demo'],
    ['role', `arn:aws:iam::123456789012:role/${'x'.repeat(65)}`],
  ] as const)('of a %s is rejected when malformed: %j', (kind, arn) => {
    expect(codeOf(() => parseArn(arn, kind))).toBe('ARN_MALFORMED');
  });

  it('of a profile has the parts of the service', () => {
    expect(parseArn(PROFILE, 'profile')).toMatchObject({ partition: 'aws', resource: PROFILE.split(':').at(-1) });
  });

  it('may have 1011 characters', () => {
    const start = 'arn:aws:iam::123456789012:role/';
    const longest = `${start}${'p'.repeat(1011 - start.length - 5)}/Demo`;
    expect(roleName(parseArn(longest, 'role'))).toBe('Demo');
    expect(codeOf(() => parseArn(longest.replace('/p', '/pp'), 'role'))).toBe('ARN_MALFORMED');
  });

  it('is shown up to 200 characters, with an example', () => {
    for (const [length, shown] of [
      [200, `"${'x'.repeat(200)}"`],
      [201, `"${'x'.repeat(200)}…"`],
    ] as const)
      expect(() => parseArn('x'.repeat(length), 'role')).toThrow(
        `${shown} is not the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME`,
      );
  });

  it('survives a round trip with any valid parts', () => {
    const name = fc.stringMatching(/^[\w+=,.@-]{1,64}$/);
    const path = fc.array(fc.stringMatching(/^[!-.0-~]{1,10}$/), { maxLength: 3 });
    const partition = fc.constantFrom('aws', 'aws-cn', 'aws-us-gov', 'aws-iso-b', 'aws-eusc');
    const account = fc.stringMatching(/^\d{12}$/);
    fc.assert(
      fc.property(partition, account, path, name, (partition, accountId, path, name) => {
        const resource = ['role', ...path, name].join('/');
        const role = parseArn(`arn:${partition}:iam::${accountId}:${resource}`, 'role');
        expect(role).toEqual({ partition, region: '', accountId, resource });
        expect(roleName(role)).toBe(name);
      }),
    );
  });

  it('is rejected with a code for any other text', () => {
    const mutated = fc
      .tuple(fc.constantFrom(ANCHOR, PROFILE, ROLE), fc.nat(), fc.string())
      .map(([arn, at, text]) => arn.slice(0, at % arn.length) + text + arn.slice(at % arn.length));
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), fc.oneof(fc.string({ unit: 'binary' }), mutated), (kind, text) => {
        expect(['no error', 'ARN_MALFORMED', 'ARN_WRONG_KIND']).toContain(codeOf(() => parseArn(text, kind)));
      }),
    );
  });
});
