import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Outcome, run } from '../support/program.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;
let config: string;
let home: string;
let homes = 0;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  config = await workshop.write('config.yaml', emulator.config);
  return workshop.close;
});

beforeEach(() => {
  homes += 1;
  home = path.join(workshop.directory, `home-${homes}`);
});

const get = (args: readonly string[] = [], env: Record<string, string> = {}, file = config): Promise<Outcome> =>
  run(['credential-process', '--config', file, ...args], { env: { HOME: home, ...env } });

const calls = async (): Promise<number> => {
  const answer = await fetch(`${emulator.url}/_emulator/calls`);
  const { createSession } = (await answer.json()) as { createSession: { total: number } };
  return createSession.total;
};

const keyOf = ({ stdout }: Outcome): string => (JSON.parse(stdout) as { AccessKeyId: string }).AccessKeyId;

async function cacheFile(): Promise<string> {
  const directory = path.join(home, '.cache/imds-anywhere');
  const [name = '', ...others] = await readdir(directory);
  expect(others).toEqual([]);
  return path.join(directory, name);
}

describe('credential-process caches its session', () => {
  test('two runs in a row make one call; nothing of the session is readable', async () => {
    const before = await calls();
    const first = await get();
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(await get()).toEqual(first);
    expect(await calls()).toBe(before + 1);
    const file = await cacheFile();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
    const content = await readFile(file, 'latin1');
    for (const value of Object.values(JSON.parse(first.stdout) as Record<string, unknown>).filter((v) => v !== 1))
      expect(content).not.toContain(String(value));
  });

  test('twelve at the same time make one call', { timeout: 60_000 }, async () => {
    const before = await calls();
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => get()));
    expect(new Set(outcomes.map(keyOf)).size).toBe(1);
    expect(await calls()).toBe(before + 1);
    await cacheFile();
  });

  test('under XDG_CACHE_HOME, if that is an absolute path', async () => {
    const cache = path.join(workshop.directory, 'xdg');
    await get([], { XDG_CACHE_HOME: cache });
    expect(await readdir(path.join(cache, 'imds-anywhere'))).toHaveLength(1);
    await get([], { XDG_CACHE_HOME: 'relative' });
    await cacheFile();
  });

  test('each request has its own', async () => {
    const longer = await workshop.write(
      'longer.yaml',
      `${emulator.config}    sessionDuration: 1800\n`.replace(/^#.*\n/gm, ''),
    );
    const first = keyOf(await get());
    expect(keyOf(await get([], {}, longer))).not.toBe(first);
    expect(keyOf(await get())).toBe(first);
  });

  test('--no-cache neither reads nor writes one', async () => {
    const first = keyOf(await get(['--no-cache']));
    expect(keyOf(await get(['--no-cache']))).not.toBe(first);
    await expect(stat(home)).rejects.toThrow('ENOENT');
  });
});

describe('a foreign or damaged cache is not trusted', () => {
  const spoilt: Readonly<Record<string, (file: string) => Promise<void>>> = {
    'a damaged file': async (file) =>
      writeFile(
        file,
        (await readFile(file)).map((byte, at) => (at === 80 ? byte ^ 1 : byte)),
      ),
    'a cut file': async (file) => writeFile(file, (await readFile(file)).subarray(0, 50)),
    'another file': (file) => writeFile(file, '{"AccessKeyId":"AKIA1"}'),
    'an open file': (file) => chmod(file, 0o644),
  };

  test.each(Object.entries(spoilt))('%s', async (_title, spoil) => {
    const first = keyOf(await get());
    await spoil(await cacheFile());
    const outcome = await get();
    expect(outcome.code).toBe(0);
    expect(keyOf(outcome)).not.toBe(first);
    expect(outcome.stderr).toContain('warning CACHE_NOT_USED: ');
    expect(await get()).toMatchObject({ code: 0, stderr: '', stdout: outcome.stdout });
  });

  test('a directory that others can write to is not used, with a warning', async () => {
    await get();
    await chmod(path.dirname(await cacheFile()), 0o777);
    const outcome = await get();
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toContain('CACHE_NOT_USED');
    expect(outcome.stderr).toContain('CACHE_NOT_WRITTEN');
  });

  test('no place for it costs a warning', async () => {
    await writeFile(home, '');
    const outcome = await get();
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toContain('CACHE_NOT_WRITTEN');
  });
});
