import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { RequestContext } from '../../src/iam/access-request.ts';
import { conditionHolds } from '../../src/iam/condition.ts';
import { permissionsPolicySchema } from '../../src/iam/policy-document.ts';

const TEAM = 'aws:PrincipalTag/team';

function holds(condition: object, context: RequestContext): boolean {
  const statement = { Effect: 'Allow', Action: '*', Resource: '*', Condition: condition };
  const document = v.parse(permissionsPolicySchema, { Version: '2012-10-17', Statement: statement });
  const conditions = document.statements.flatMap((one) => one.conditions);
  return conditions.every((one) => conditionHolds(one, context));
}

/** "Multivalued context keys require a condition set operator." What IAM does without one is not documented. */
describe('a key with several values', () => {
  const several = new Map([['s3:list', ['a', 'b']]]);
  it.each([
    ['StringEquals', 'a', false],
    ['StringNotEquals', 'c', false],
    ['StringEqualsIfExists', 'a', false],
    ['ForAnyValue:StringEquals', 'a', true],
    ['ForAllValues:StringNotEquals', 'c', true],
  ])('%s %s is %s', (operator, wanted, expected) => {
    expect(holds({ [operator]: { 's3:list': wanted } }, several)).toBe(expected);
  });

  it('is one with a single value, too', () => {
    const single = new Map([['s3:list', ['a']]]);
    expect(holds({ StringEquals: { 's3:list': 'a' } }, single)).toBe(false);
  });

  it('is no variable', () => {
    const context = new Map<string, string | string[]>([...several, [TEAM, 'a']]);
    expect(holds({ StringLike: { [TEAM]: '${s3:list}' } }, context)).toBe(false);
    expect(holds({ StringLike: { [TEAM]: "${s3:list, 'a'}" } }, context)).toBe(true);
  });
});

/** User Guide: an empty value of a tag is null. */
describe('an empty value', () => {
  it('of a tag counts as none', () => {
    const context = new Map([[TEAM, '']]);
    expect(holds({ Null: { [TEAM]: 'true' } }, context)).toBe(true);
    expect(holds({ StringEquals: { [TEAM]: '' } }, context)).toBe(false);
    expect(holds({ StringNotEquals: { [TEAM]: 'x' } }, context)).toBe(true);
    expect(holds({ StringEqualsIfExists: { [TEAM]: 'x' } }, context)).toBe(true);
  });

  it('of another key is a value', () => {
    const context = new Map([['s3:prefix', '']]);
    expect(holds({ StringEquals: { 's3:prefix': ['', 'home/'] } }, context)).toBe(true);
    expect(holds({ Null: { 's3:prefix': 'true' } }, context)).toBe(false);
  });
});

it('Null takes its word in any letter case', () => {
  expect(holds({ Null: { [TEAM]: 'TRUE' } }, new Map())).toBe(true);
  expect(holds({ Null: { [TEAM]: false } }, new Map([['AWS:PrincipalTag/Team', 'x']]))).toBe(true);
});
