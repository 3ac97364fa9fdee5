// V8 runs any code in a cache, even damaged code or the code of another bundle. These tests check
// that it only gets the right cache.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { PROGRAM } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

const BUNDLES = ['serve', 'credential-process', 'tools'];
const SCRIPT = new URL('../../scripts/code-cache.mjs', import.meta.url).href;
const command = promisify(execFile);

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let workshop: Workshop;
let made: string;
let dist: string;
let watcher: string;

async function makeCaches(directory: string): Promise<string> {
  await rm(directory, { recursive: true, force: true });
  await cp(path.dirname(PROGRAM), directory, { recursive: true });
  const script = `import(${JSON.stringify(SCRIPT)}).then(({ makeCodeCaches }) => makeCodeCaches(process.execPath, ${JSON.stringify(directory)}))`;
  await command(process.execPath, ['--input-type=commonjs', '--eval', script]);
  return directory;
}

const digestsIn = (directory: string): Promise<readonly string[]> =>
  Promise.all(
    BUNDLES.map(async (name) =>
      createHash('sha256')
        .update(await readFile(path.join(directory, `${name}.cache`)))
        .digest('hex'),
    ),
  );

beforeAll(async () => {
  workshop = await Workshop.open();
  made = await makeCaches(path.join(workshop.directory, 'made'));
  watcher = await workshop.write(
    'watcher.cjs',
    `const vm = require('node:vm');
    vm.Script = class extends vm.Script {
      constructor(source, options) {
        super(source, options);
        process.stderr.write(options.cachedData ? (this.cachedDataRejected ? 'rejected' : 'used') : 'none');
      }
    };`,
  );
  return workshop.close;
});

beforeEach(async () => {
  dist = path.join(workshop.directory, 'dist');
  await rm(dist, { recursive: true, force: true });
  await cp(made, dist, { recursive: true });
});

/** What happens to the cache, and the output of the program. */
async function outcome(...args: readonly string[]): Promise<{ readonly cache: string; readonly printed: string }> {
  const { stdout, stderr } = await command(process.execPath, [
    '--require',
    watcher,
    path.join(dist, 'main.js'),
    ...args,
  ]);
  return { cache: stderr, printed: stdout };
}

test('the same bundles give the same bytes, wherever they are', async () => {
  const other = await makeCaches(path.join(workshop.directory, 'another-directory'));
  expect(await digestsIn(other)).toEqual(await digestsIn(made));
});

test.each(['version', 'serve', 'credential-process'])('the cache is used by %s', async (name) => {
  expect((await outcome(name, '--help')).cache).toBe('used');
});

test('a bundle without a cache runs', async () => {
  expect((await outcome('demo', '--help')).cache).toBe('none');
  await rm(path.join(dist, 'tools.cache'));
  expect(await outcome('version')).toEqual({ cache: 'none', printed: '0.1.0\n' });
});

describe('a cache is ignored if it', () => {
  const tools = (extension: string): string => path.join(dist, `tools.${extension}`);

  test.each([0, 31, 32, 1000, -1])('is damaged at byte %i', async (place) => {
    const content = await readFile(tools('cache'));
    const index = place < 0 ? content.length + place : place;
    content.writeUInt8(content.readUInt8(index) ^ 1, index);
    await writeFile(tools('cache'), content);
    expect(await outcome('version')).toEqual({ cache: 'none', printed: '0.1.0\n' });
  });

  test.each([0, 32, 5000])('is cut off after %i bytes', async (length) => {
    await writeFile(tools('cache'), (await readFile(tools('cache'))).subarray(0, length));
    expect(await outcome('version')).toEqual({ cache: 'none', printed: '0.1.0\n' });
  });

  test('was made from another bundle of the same length: V8 would run the old code', async () => {
    const bundle = await readFile(tools('js'), 'utf8');
    const changed = bundle.replaceAll('0.1.0', '9.9.9');
    expect(changed).toHaveLength(bundle.length);
    await writeFile(tools('js'), changed);
    expect(await outcome('version')).toEqual({ cache: 'none', printed: '9.9.9\n' });
  });

  test('belongs to another command', async () => {
    await copyFile(path.join(dist, 'serve.cache'), tools('cache'));
    expect((await outcome('version')).cache).toBe('none');
  });

  test.each([0o664, 0o646])('is writable for others, with mode %o', async (mode) => {
    await chmod(tools('cache'), mode);
    expect((await outcome('version')).cache).toBe('none');
  });

  test.runIf(process.getuid?.() === 0)('belongs to another user than the bundle', async () => {
    await chown(tools('cache'), 65_534, 65_534);
    expect((await outcome('version')).cache).toBe('none');
  });
});
