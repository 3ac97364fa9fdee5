// The short way of `credential-process` reads its options without commander. It must not read any
// command line in another way.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { credentialProcessCommand } from '../../src/commands/credential-process.ts';
import { namesConfiguration } from '../../src/commands/identity-flags.ts';
import { plainArguments } from '../../src/commands/plain-arguments.ts';

test.each([
  [[], {}],
  [['--socket', '/run/sock'], { socket: '/run/sock' }],
  [['--role=device', '--socket=/run/a=b'], { role: 'device', socket: '/run/a=b' }],
  [['-c', 'a.yaml', '--role=device'], { config: 'a.yaml', role: 'device' }],
  [['--config=a.yaml', '-c', 'b.yaml'], { config: 'b.yaml' }],
  [['--role', 'first', '--role', 'second'], { role: 'second' }],
])('%j', (words, expected) => {
  expect(plainArguments(words)).toEqual(expected);
});

test.each([
  '--socket',
  '--socket=',
  '--role=-x',
  '--no-cache',
  '-c',
  '-cx',
  '-c=x',
  '--help',
  '--',
  'word',
  '--sockets=x',
])('leaves %s to commander', (word) => {
  expect(plainArguments([word])).toBeUndefined();
});

test('what it reads, commander reads too', () => {
  const words = [
    '--socket',
    '--role',
    '--socket=/a',
    '--role=\n',
    '/b',
    '-c',
    '--config',
    '--config=c',
    '-cx',
    '--debug',
    '--',
    '--role=--',
    '',
    '-',
  ];
  const lines = fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 6 });
  fc.assert(
    fc.property(lines, (line) => {
      const found = plainArguments(line);
      if (!found) return;
      const command = credentialProcessCommand();
      expect(command.parseOptions(line)).toEqual({ operands: [], unknown: [] });
      const { cache, config, socket, role, ...rest } = command.opts<Record<string, unknown>>();
      expect({ cache, config, socket, role }).toEqual({ cache: true, ...found });
      expect(namesConfiguration(rest)).toBe(false);
    }),
  );
});
