import { expect, test } from 'vitest';
import { parseProfiles, profileInConfig } from '../../src/environment/profile-file.ts';

test('sections, settings, comments, nested settings', () => {
  const { sections, faults } = parseProfiles(
    '# a\n; b\n\n[default]\r\nRegion = x # y\n s = 1\n[profile ci] # c\na=b=c\ns3 =\n  x = 1\n\n  y = 2\nz: 3\n',
  );
  expect(faults).toEqual([]);
  expect(sections.map(({ title, line }) => [title, line])).toEqual([
    ['default', 3],
    ['profile ci', 6],
  ]);
  const settings = sections.map((section) => [...section.settings].map(([key, { value }]) => `${key}=${value}`));
  expect(settings).toEqual([['region=x # y'], ['a=b=c', 's3=', 'z=3']]);
});

test('deeper lines belong to the setting above them; elsewhere, an indented line is its own section or setting', () => {
  const { sections, faults } = parseProfiles(
    ' [a]\n  x = 1\n   deeper\n  y = 2\n\t# c\n z = 3\n[b]\n\tx = 4\n\t\t[c]\n',
  );
  expect(faults.map(({ line, kind }) => [line, kind])).toEqual([
    [1, 'indented'],
    [3, 'nested'],
    [9, 'nested'],
  ]);
  const settings = sections.map(({ title, settings: all }) => [
    title,
    ...[...all].map(([key, { value }]) => key + value),
  ]);
  expect(settings).toEqual([
    ['a', 'x1', 'y2', 'z3'],
    ['b', 'x4'],
  ]);
});

test('faults, each with its line', () => {
  expect(parseProfiles('\uFEFF[x]\na = b\nA = c\n').faults).toEqual([
    { line: 1, kind: 'byte order mark', what: 'it begins with a byte order mark' },
    { line: 3, kind: 'twice', what: 'a is in [x] a second time' },
  ]);
  expect(parseProfiles('a = b\n[x\n[x]\nnothing\n[x]\n').faults).toEqual([
    { line: 1, kind: 'no setting', what: 'a setting before the first section' },
    { line: 2, kind: 'no setting', what: 'neither a section nor a setting' },
    { line: 4, kind: 'no setting', what: 'neither a section nor a setting' },
    { line: 5, kind: 'twice', what: '[x] is there a second time' },
  ]);
});

test.each([
  ['default', 'default'],
  ['profile ci', 'ci'],
  ['profile "a b"', 'a b'],
  ['profile\tci', 'ci'],
  ['profile ci ', 'ci'],
  [' default ', undefined],
  ['ci', undefined],
  ['sso-session x', undefined],
])('[%s] of the configuration is the profile %s', (title, name) => {
  expect(profileInConfig(title)).toBe(name);
});
