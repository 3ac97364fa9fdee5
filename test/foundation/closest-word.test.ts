import { expect, test } from 'vitest';
import { closestWord } from '../../src/foundation/closest-word.ts';

const WORDS = ['listen', 'roleArn', 'profileArn', 'certSelector', 'certificate', 'group', 'groups', 'fips'];

test.each([
  ['lisetn', 'listen'],
  ['rolArn', 'roleArn'],
  ['role_arn', 'roleArn'],
  ['ROLE-ARN', 'roleArn'],
  ['cert', 'certificate'],
  ['prof', 'profileArn'],
  ['certifcate', 'certificate'],
  ['groups', 'groups'],
  ['gruop', 'group'],
  ['fip', 'fips'],
])('%s means %s', (typed, meant) => {
  expect(closestWord(typed, WORDS)).toBe(meant);
});

test.each(['', '_', 'x', 'frobnicate', 'gr', 'constructor'])('%j has no close word', (typed) => {
  expect(closestWord(typed, WORDS)).toBeUndefined();
});
