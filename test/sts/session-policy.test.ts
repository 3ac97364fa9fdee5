import { describe, expect, it } from 'vitest';
import { packedSizeWarning } from '../../src/sts/packed-size.ts';
import { policyFault, policyText } from '../../src/sts/session-policy.ts';

const STATEMENT = { Effect: 'Allow', Action: 's3:*', Resource: '*' };

describe('a session policy', () => {
  it.each<[unknown, string | undefined]>([
    [{ Statement: STATEMENT }, undefined],
    [{ Statement: [STATEMENT, { ...STATEMENT, Effect: 'Deny' }] }, undefined],
    [{ Statement: { ...STATEMENT, Effect: 'allow' } }, 'statements'],
    [{ Statement: [] }, 'statements'],
    [{ Statement: 'Allow' }, 'statements'],
    [[STATEMENT], 'statements'],
    ['null', 'statements'],
    ['"text"', 'statements'],
    [{ Statement: [STATEMENT, { ...STATEMENT, NotPrincipal: '*' }] }, 'without Principal'],
    [{ Statement: { Effect: 'Deny', NotAction: 's3:*', NotResource: '*' } }, undefined],
    [{ Statement: [STATEMENT, { Effect: 'Allow', Actions: 's3:*', Resource: '*' }] }, 'Action or NotAction'],
    [{ Statement: { Effect: 'Allow', Action: 's3:*' } }, 'Resource or NotResource'],
    [{ Statement: { ...STATEMENT, Resource: 'x'.repeat(2_000) } }, 'at most 2048 characters'],
    ['{', 'JSON'],
  ])('%j is refused for %s', (policy, fault) => {
    const found = policyFault(policyText(policy));
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(fault);
  });

  it('has only characters that STS accepts, and the same meaning', () => {
    const policy = { Statement: STATEMENT, Id: 'ü\u0000\u007f漢😀\u2028' };
    const text = policyText(policy) ?? '';
    expect(text).toMatch(/^[\x20-\xff]+$/);
    expect(JSON.parse(text)).toEqual(policy);
  });
});

it('tags of about 80 percent of the space are worth a warning', () => {
  expect(packedSizeWarning({ key: 'v'.repeat(350) })).toBeUndefined();
  // The calls that the service counted: 9 tags of 2 and 250 characters, 498 percent.
  const recorded = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`T${n + 1}`, 'a'.repeat(250)]));
  expect(packedSizeWarning(recorded)?.message).toContain('about 498 %');
});
