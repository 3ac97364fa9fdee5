import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { rolesAnywhereErrors } from '../../src/rolesanywhere/rolesanywhere-errors.ts';
import { stsErrors } from '../../src/sts/sts-errors.ts';
import { run } from '../support/program.ts';

// Everything that docs/troubleshooting.md names exists: codes, commands and their options, the messages of SDKs as
// docs/conformance.md has recorded them.

const DOCS = path.resolve(import.meta.dirname, '../../docs');
const read = (name: string): Promise<string> => readFile(path.join(DOCS, name), 'utf8');
const page = await read('troubleshooting.md');
const errors = await read('errors.md');
const conformance = await read('conformance.md');

const inline = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
const CODE = /^[A-Z]+(?:_[A-Z]+)+$/;
/** Variables of programs, and a name of the Common Runtime. */
const NO_CODES = /^(?:AWS_|HTTPS?_PROXY$|NO_PROXY$)/;
const codes = inline.filter((text) => CODE.test(text) && !NO_CODES.test(text));

test('each code is in the catalogue', () => {
  expect(codes.length).toBeGreaterThan(50);
  expect(codes.filter((code) => !errors.includes(`| \`${code}\` |`))).toEqual([]);
});

/** Refusals whose message says everything. */
const CLEAR =
  /^(?:RA_(?:REDIRECTED)|STS_(?:MALFORMED_POLICY|POLICY_\w+|PACKED_SIZE_NEAR|TAGS_REFUSED|VALIDATION|TOKEN_EXPIRED|THROTTLED|UNAVAILABLE|REFUSED|INVALID_SIGNATURE|UNEXPECTED_STATUS|ANSWER_\w+))$/;

test('each refusal of the services is on the page', () => {
  const refusals = [...Object.keys(rolesAnywhereErrors), ...Object.keys(stsErrors)];
  const first = refusals.indexOf('RA_CLOCK_OFF');
  const named = refusals.slice(first).filter((code) => !/_ANSWER_/.test(code) && !CLEAR.test(code));
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((code) => !codes.includes(code))).toEqual([]);
});

test('each message of an SDK was recorded', () => {
  const [, table = ''] = page.split('| The program says | SDK |');
  const messages = [...(table.split('\n\n')[0] ?? '').matchAll(/^\| `([^`]+)` \|/gm)].map(([, text = '']) => text);
  expect(messages.length).toBeGreaterThan(7);
  expect(messages.filter((text) => !conformance.includes(text))).toEqual([]);
});

test('each command of this program and each of its options exist', async () => {
  const blocks = [...page.matchAll(/^imds-anywhere .*$/gm)].map(([text]) => text);
  const commands = [...inline, ...blocks].filter((text) => text.startsWith('imds-anywhere '));
  const names = new Set(commands.map((text) => text.split(' ')[1] ?? ''));
  expect([...names].sort()).toEqual(['check-config', 'doctor', 'env', 'policy', 'status']);
  const helps = new Map(
    await Promise.all([...names].map(async (name) => [name, (await run([name, '--help'])).stdout] as const)),
  );
  for (const command of commands) {
    const [, name = '', ...words] = command.split(' ');
    const options = words.filter((word) => word.startsWith('--'));
    expect([
      command,
      options.filter((option) => !helps.get(name)?.includes(`${option} `) && !helps.get(name)?.includes(`${option}\n`)),
    ]).toEqual([command, []]);
  }
  const ofPolicy = inline.filter((text) => /^--[a-z-]+(?: NAME)?$/.test(text)).map((text) => text.split(' ')[0] ?? '');
  expect(ofPolicy.filter((option) => ![...helps.values()].some((help) => help.includes(option)))).toEqual([]);
});

test('each page that it links to exists, and README links to it', async () => {
  const links = [...page.matchAll(/\]\(([\w-]+\.md)/g)].map(([, name = '']) => name);
  for (const name of new Set(links)) await expect(read(name)).resolves.not.toBe('');
  expect(await read('../README.md')).toContain('(docs/troubleshooting.md)');
});
