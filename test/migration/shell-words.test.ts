import { expect, test } from 'vitest';
import { shellCommands } from '../../src/migration/shell-words.ts';

test.each([
  ['a b  c', [['a', 'b', 'c']]],
  [`a 'b c' "d e" f\\ g`, [['a', 'b c', 'd e', 'f g']]],
  [`--x='a b' --y="c"d'e'`, [['--x=a b', '--y=cde']]],
  [`"a\\"b" 'c\\d' "e\\f"`, [['a"b', 'c\\d', 'e\\f']]],
  ['a b & c', [['a', 'b'], ['c']]],
  ['a b>/dev/null 2>&1', [['a', 'b']]],
  ['a > f b 2>>g c &>h d <i', [['a', 'b', 'c', 'd']]],
  ['x=$(a b | c) && d; e||f', [['x=$'], ['a', 'b'], ['c'], ['d'], ['e'], ['f']]],
  ['a b 2>/dev/null', [['a', 'b']]],
  ['a; b', [['a'], ['b']]],
  ['a # b', [['a']]],
  ['a#b c', [['a#b', 'c']]],
  ["a 'b", [['a', 'b']]],
  ['a b\\', [['a', 'b']]],
  ["a --b='c#d' 'e # f' # g", [['a', '--b=c#d', 'e # f']]],
  ['a --b=*.pem $(', [['a', '--b=*.pem', '$']]],
  ['a ${', []],
  ["a ''", [['a', '']]],
  ['', []],
])('%s', (line, commands) => {
  expect(shellCommands(line).map((words) => words.map(({ text }) => text))).toEqual(commands);
});

test('substitutions by a shell or systemd are recognised', () => {
  const [words] = shellCommands(`$HOME/x "\${A}" '$b' \`c\` %h/d 100% "\\$e"`);
  expect(words?.map(({ hasVariable }) => hasVariable)).toEqual([true, true, false, true, true, false, false]);
});
