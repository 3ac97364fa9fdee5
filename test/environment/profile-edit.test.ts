import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withProfileSettings, withSessionSettings } from '../../src/environment/profile-edit.ts';
import { parseProfiles } from '../../src/environment/profile-file.ts';
import { Secret } from '../../src/foundation/secret.ts';

const edit = (text: string): string => withProfileSettings(text, 'x', { a: '1', b: '2' });

test.each([
  ['an empty file', '', '[x]\na = 1\nb = 2\n'],
  ['another profile', '[y]\na = 0\n', '[y]\na = 0\n[x]\na = 1\nb = 2\n'],
  ['no newline at the end', '[y]\na = 0', '[y]\na = 0\n[x]\na = 1\nb = 2\n'],
  ['settings there', '[x]\na=0\n  # c\nb: 9\nc = 3\n[y]\n', '[x]\na=1\n  # c\nb: 2\nc = 3\n[y]\n'],
  ['one of them missing', '[x]\nc = 3\nB =\n', '[x]\na = 1\nc = 3\nB =2\n'],
  ['a header at the very end', '[y]\n[x]', '[y]\n[x]\na = 1\nb = 2\n'],
  [
    'a last line that is no credential, as the AWS helper loses it',
    '[x]\na = 0\nregion = r',
    '[x]\nb = 2\na = 1\nregion = r',
  ],
  ['a bare header after it, too', '[x]\na = 0\nb = 0\n[y]', '[x]\na = 1\nb = 2\n[y]'],
  ['lines of Windows', '\uFEFF[x]\r\na = 0\r\n', '\uFEFF[x]\r\nb = 2\r\na = 1\r\n'],
  ['indented settings', '[x]\n  a = 0\n  c = 3\n', '[x]\n  b = 2\n  a = 1\n  c = 3\n'],
  ['a section twice', '[x]\na = 0\n[x]\nb = 0\n', '[x]\nb = 2\na = 1\n[x]\nb = 2\n'],
  [
    'a value folded into a second line',
    '[x]\na = 0\n  0\n\n  # c\n\t0\nc = 3\n 4\n',
    '[x]\nb = 2\na = 1\n\n  # c\nc = 3\n 4\n',
  ],
  ['one in the last line', '[x]\nb = 0\na = 0\n  [0]', '[x]\nb = 2\na = 1\n'],
  ['one that was empty before', '[x]\n  a =\n    0\n  b = 0\r\n    0\r\n', '[x]\n  a =1\n  b = 2\r\n'],
  ['nested settings', '[x]\ns3 =\n  a = 7\n', '[x]\na = 1\nb = 2\ns3 =\n  a = 7\n'],
])('%s', (_title, before, after) => {
  expect(edit(before)).toBe(after);
  expect(edit(after)).toBe(after);
});

describe('for any file', () => {
  const line = fc.constantFrom(
    '[x]',
    '[y]',
    '[ x ] # c',
    'a = 0',
    'b=',
    '# a = 3',
    '',
    '  a = 5',
    'region = r',
    'nonsense',
    ';',
    '$&$1',
  );
  const texts = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r', ''))).map((parts) => parts.flat().join(''));

  test('the settings are set, and no other line is lost or changed', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const edited = edit(text);
        const settings = parseProfiles(edited).sections.find(({ title }) => title === 'x')?.settings;
        expect([settings?.get('a')?.value, settings?.get('b')?.value]).toEqual(['1', '2']);
        const isKept = (content: string): boolean => !/^\s*[ab]\s*=/.test(content);
        const left = edited.split(/\r\n|\n|\r/).filter(isKept);
        const before = text.split(/\r\n|\n|\r/).filter((content) => isKept(content) && content !== '');
        let at = 0;
        for (const content of before) {
          at = left.indexOf(content, at) + 1;
          expect(at).toBeGreaterThan(0);
        }
      }),
    );
  });
});

test('a session, also under the older name of its token', () => {
  const session = { accessKeyId: 'ASIA', secretAccessKey: new Secret('s$&'), sessionToken: new Secret('t') };
  expect(withSessionSettings('[x]\naws_security_token = old\n', 'x', session)).toBe(
    '[x]\naws_access_key_id = ASIA\naws_secret_access_key = s$&\naws_session_token = t\naws_security_token = t\n',
  );
});
