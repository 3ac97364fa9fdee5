import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { AccessRequest } from '../../src/iam/access-request.ts';
import { type ApplicablePolicies, evaluate, type Policy } from '../../src/iam/evaluate.ts';
import { explain } from '../../src/iam/explain.ts';
import { matchesPattern, parsePattern } from '../../src/iam/pattern.ts';
import { permissionsPolicySchema } from '../../src/iam/policy-document.ts';

const REQUEST: AccessRequest = {
  principal: {
    kind: 'session',
    accountId: '111122223333',
    roleArn: 'arn:aws:iam::111122223333:role/r',
    sessionArn: 'arn:aws:sts::111122223333:assumed-role/r/s',
  },
  action: 's3:GetObject',
  resource: 'arn:aws:s3:::b/k',
  context: new Map<string, string | string[]>([
    ['aws:SourceIdentity', 'b'],
    ['aws:TagKeys', ['x', 'y']],
  ]),
};

const element = (name: string, values: readonly string[]): fc.Arbitrary<object> =>
  fc
    .tuple(fc.constantFrom(name, `Not${name}`), fc.subarray([...values], { minLength: 1 }))
    .map(([key, chosen]) => ({ [key]: chosen }));

const statement = fc
  .tuple(
    fc.constantFrom('Allow', 'Deny'),
    element('Action', ['s3:GetObject', 's3:*', 's3:Put*', '*', 'sqs:*']),
    element('Resource', [
      '*',
      'arn:aws:s3:::b/k',
      'arn:aws:s3:::b/*',
      'arn:aws:s3:::${aws:SourceIdentity}/*',
      'arn:aws:s3:::c',
    ]),
    fc.constantFrom(
      {},
      { StringEquals: { 'aws:SourceIdentity': 'b' } },
      { StringNotLike: { 'aws:SourceIdentity': 'b*' } },
      { Null: { 'aws:username': 'true' } },
      { 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'x' } },
      { 'ForAllValues:StringEquals': { 'aws:TagKeys': 'x' } },
    ),
  )
  .map(([effect, action, resource, condition]) => ({ Effect: effect, ...action, ...resource, Condition: condition }));

const policy: fc.Arbitrary<Policy> = fc.array(statement, { minLength: 1, maxLength: 4 }).map((statements) => ({
  name: 'p',
  ...v.parse(permissionsPolicySchema, { Version: '2012-10-17', Statement: statements }),
}));

const policies: fc.Arbitrary<ApplicablePolicies> = fc.record({
  identity: fc.array(policy, { maxLength: 3 }),
  boundary: fc.option(policy, { nil: undefined }),
  session: fc.array(policy, { maxLength: 2 }),
});

const allowed = (applicable: ApplicablePolicies): boolean => evaluate(REQUEST, applicable).allowed;

describe('whatever the policies say', () => {
  it('a boundary or a first session policy never adds a permission', () => {
    fc.assert(
      fc.property(policies, policy, (applicable, more) => {
        const without = allowed({ ...applicable, boundary: undefined, session: [] });
        expect(without || !allowed({ ...applicable, boundary: more, session: [] })).toBe(true);
        expect(without || !allowed({ ...applicable, boundary: undefined, session: [more] })).toBe(true);
      }),
    );
  });

  it('an order of statements and policies does not matter', () => {
    fc.assert(
      fc.property(policies, (applicable) => {
        const turned = (list: readonly Policy[]): Policy[] =>
          list.map((one) => ({ ...one, statements: one.statements.toReversed() })).toReversed();
        const identity = turned(applicable.identity);
        expect(allowed({ ...applicable, identity, session: turned(applicable.session) })).toBe(allowed(applicable));
      }),
    );
  });

  it('a Deny for everything denies, and an Allow for everything takes nothing away', () => {
    const everything = (effect: string): Policy => ({
      name: effect,
      ...v.parse(permissionsPolicySchema, { Statement: { Effect: effect, Action: '*', Resource: '*' } }),
    });
    fc.assert(
      fc.property(policies, (applicable) => {
        expect(allowed({ ...applicable, identity: [...applicable.identity, everything('Deny')] })).toBe(false);
        const wider = { ...applicable, identity: [...applicable.identity, everything('Allow')] };
        expect(allowed(wider) || !allowed(applicable)).toBe(true);
      }),
    );
  });

  it('a decision names a statement that is there, and a reason', () => {
    fc.assert(
      fc.property(policies, (applicable) => {
        const decision = evaluate(REQUEST, applicable);
        const { outcome, statement: named } = decision.decisive;
        expect(explain(decision)).not.toBe('');
        expect(outcome === 'denied' || named !== undefined).toBe(true);
        expect(decision.verdicts.some(({ outcome: one }) => one === 'explicitly denied') && decision.allowed).toBe(
          false,
        );
      }),
    );
  });
});

describe('a pattern', () => {
  const syntax = { wildcards: true, variables: true };
  const matches = (pattern: string, text: string, context: AccessRequest['context'] = new Map()): boolean =>
    matchesPattern(parsePattern(pattern, syntax), text, context);

  it('matches as the regular expression does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, letters, (written, text) => {
        const source = written.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
        expect(matches(written, text)).toBe(new RegExp(`^${source}$`, 's').test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes the value of a variable as it is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (value, other) => {
        const context = new Map([['aws:SourceIdentity', value]]);
        expect(matches('a${aws:SourceIdentity}z', `a${value}z`, context)).toBe(true);
        expect(matches('a${aws:SourceIdentity}z', `a${other}z`, context)).toBe(other === value);
      }),
    );
  });

  it('is quick, whatever it is', () => {
    const started = process.cpuUsage().user;
    expect(matches(`${'*a'.repeat(200)}b`, 'a'.repeat(4000))).toBe(false);
    expect(process.cpuUsage(undefined).user - started).toBeLessThan(5_000_000);
  });
});
