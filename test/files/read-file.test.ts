import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, readdirSync, symlinkSync } from 'node:fs';
import { writeFile as writeToPipe } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfigFile } from '../../src/config/config-file.ts';
import { filesDigest } from '../../src/files/files-digest.ts';
import { inspectFile } from '../../src/files/inspect-file.ts';
import { readFirst, readIn } from '../../src/files/open-file.ts';
import { openPlace } from '../../src/files/place.ts';
import { eachPathOnce, readEachOnce, readFileContent } from '../../src/files/read-file.ts';
import { trustedCas } from '../../src/rolesanywhere/ca-bundle.ts';
import { codeOf, writeFile } from '../identity/identity-directory.ts';
import { describeWith, hasTool } from '../support/tools.ts';

const isRoot = process.getuid?.() === 0;
const isWindows = process.platform === 'win32';

describe('a file', () => {
  it('is returned with its access rights', async () => {
    const file = await readFileContent(writeFile('content', { mode: 0o640 }));
    expect(file.content.toString()).toBe('content');
    expect(isWindows || file.mode === 0o640).toBe(true);
  });

  it('may be as long as 1 MiB', async () => {
    const { content } = await readFileContent(writeFile(Buffer.alloc(1024 * 1024, 'x')));
    expect(content).toHaveLength(1024 * 1024);
  });

  it.each([
    ['FILE_MISSING', () => join(dirname(writeFile('x')), 'absent')],
    ['FILE_MISSING', () => join(writeFile('x'), 'below-a-file')],
    ['FILE_NOT_REGULAR', () => tmpdir()],
    ['FILE_EMPTY', () => writeFile('')],
    ['FILE_TOO_LARGE', () => writeFile(Buffer.alloc(1024 * 1024 + 1, 'x'))],
    ['FILE_UNREADABLE', () => 'a\0b'],
  ])('is rejected with %s', async (code, path) => {
    expect(await codeOf(readFileContent(path()))).toBe(code);
  });

  it.skipIf(isRoot || isWindows)('is rejected if its mode forbids reading', async () => {
    expect(await codeOf(readFileContent(writeFile('x', { mode: 0o000 })))).toBe('FILE_UNREADABLE');
  });

  it.skipIf(isWindows)('that is a link to itself is rejected', async () => {
    const loop = join(dirname(writeFile('x')), 'loop');
    symlinkSync(loop, loop);
    expect(await codeOf(readFileContent(loop))).toBe('FILE_UNREADABLE');
  });
});

describeWith('mkfifo', hasTool('mkfifo', '--version'), 'a pipe', () => {
  it('without a writer is rejected at once', async () => {
    const pipe = join(dirname(writeFile('x')), 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(readFileContent(pipe)).rejects.toMatchObject({
      code: 'FILE_NOT_REGULAR',
      message: `${pipe} is a pipe`,
    });
  });

  it('is read once by a command', async () => {
    const pipe = join(dirname(writeFile('x')), 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    const read = readEachOnce();
    const files = [read(pipe), read(pipe)];
    await writeToPipe(pipe, 'content');
    for (const file of await Promise.all(files))
      expect([file.content.toString(), file.mode, file.findings]).toEqual(['content', 0o600, []]);
  });
});

describe('the reason why it is no file', () => {
  it.skipIf(isWindows).each([
    [tmpdir(), 'is a directory'],
    ['/dev/zero', 'is a device or socket'],
  ])('%s %s', async (path, reason) => {
    await expect(readFileContent(path)).rejects.toMatchObject({ message: `${path} ${reason}` });
  });
});

describe('a file that is opened to be read', () => {
  const codes = async (path: string): Promise<unknown[]> =>
    (await readFirst(path, 10)).findings.map(({ error, isDangerous }) => [error.code, isDangerous]);

  it.skipIf(isWindows)('is found behind a link, and may be longer than what is read', async () => {
    const file = writeFile('0123456789abcdef');
    symlinkSync('file', join(dirname(file), 'link'));
    const { content, stats } = await readFirst(join(dirname(file), 'link'), 10);
    expect([content.toString(), stats.isFile(), stats.size]).toEqual(['0123456789a', true, 16]);
  });

  it.skipIf(isWindows)('is dangerous if others can write it or its directory', async () => {
    const file = writeFile('x');
    expect(await codes(file)).toEqual([]);
    chmodSync(file, 0o666);
    expect(await codes(file)).toEqual([['FILE_WRITABLE_BY_OTHERS', true]]);
    expect(await inspectFile(file, { use: 'written' })).toMatchObject([{ isDangerous: true }]);
    chmodSync(file, 0o600);
    chmodSync(dirname(file), 0o777);
    expect(await codes(file)).toEqual([['FILE_WRITABLE_BY_OTHERS', true]]);
    expect((await inspectFile(file, { use: 'trusted' })).map(({ error }) => error.code)).toEqual([
      'FILE_WRITABLE_BY_OTHERS',
    ]);
  });

  it.skipIf(isWindows)('leaves no descriptor open, whether it is read or rejected', async () => {
    const file = writeFile('x');
    const open = (): number => readdirSync('/dev/fd').length;
    const before = open();
    const refuse = (): never => {
      throw new Error('not this one');
    };
    for (let time = 0; time < 20; time += 1) {
      await readFirst(file, 10);
      await readFirst(file, 10, refuse).catch(() => undefined);
      await inspectFile(file, { use: 'trusted' });
    }
    expect(open() - before).toBeLessThan(20);
  });

  it.skipIf(isWindows)('in an open place is never behind a link, and is read only if it is accepted', async () => {
    const file = writeFile('content');
    const link = join(dirname(file), 'link');
    symlinkSync('file', link);
    const read = async (path: string, isAccepted = true): Promise<string | undefined> => {
      const place = await openPlace(path);
      return readIn(place, () => isAccepted)
        .then((found) => found?.content.toString())
        .finally(place.close);
    };
    expect([await read(file), await read(file, false)]).toEqual(['content', undefined]);
    await expect(read(link)).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

describe('a file that is read once for all its uses', () => {
  it('is read once, whatever its path is written like', async () => {
    const asked: string[] = [];
    const read = eachPathOnce((path) => Promise.resolve(asked.push(path)));
    expect(await Promise.all(['a/b', './a/b', 'a/../a/b', 'a/c'].map(read))).toEqual([1, 1, 1, 2]);
  });

  it.skipIf(isWindows)('may be a descriptor of this process', async () => {
    const descriptor = openSync(writeFile('content', { mode: 0o640 }), 'r');
    const read = readEachOnce();
    const path = `/dev/fd/${descriptor}`;
    const files = [await read(path), await read(path)];
    closeSync(descriptor);
    for (const file of files)
      expect({ ...file, content: file.content.toString() }).toEqual({
        path,
        content: 'content',
        mode: 0o640,
        owner: process.getuid?.(),
        findings: [],
      });
  });

  it.skipIf(isWindows).each([
    ['FILE_EMPTY', ''],
    ['FILE_TOO_LARGE', 'x'.repeat(1024 * 1024 + 1)],
  ])('is rejected with %s', async (code, content) => {
    const descriptor = openSync(writeFile(content), 'r');
    expect(await codeOf(readEachOnce()(`/proc/self/fd/${descriptor}`))).toBe(code);
    closeSync(descriptor);
  });

  it('is rejected if the descriptor is not open', async () => {
    expect(await codeOf(readEachOnce()('/dev/fd/999999'))).toBe('FILE_UNREADABLE');
  });

  it('is otherwise a file like any other', async () => {
    expect((await readEachOnce()(writeFile('content'))).content.toString()).toBe('content');
    expect(await codeOf(readEachOnce()('/nowhere/file'))).toBe('FILE_MISSING');
    expect(await codeOf(readEachOnce()('/nowhere/dev/fd/0'))).toBe('FILE_MISSING');
  });
});

describe('an endless device is rejected', () => {
  it.skipIf(isWindows).each<[string, () => Promise<unknown>, string]>([
    ['as a certificate', () => readFileContent('/dev/zero'), 'FILE_NOT_REGULAR'],
    ['as the configuration', () => readConfigFile('/dev/zero'), 'CONFIG_NOT_YAML'],
    ['as a CA bundle', () => trustedCas('/dev/zero', {}), 'CA_BUNDLE_UNREADABLE'],
  ])('%s is rejected', async (_, reading, code) => {
    expect(await codeOf(reading())).toBe(code);
  });
});

describe('a digest of files', () => {
  it('distinguishes content, access rights, and why a file cannot be read', async () => {
    const paths = [
      writeFile('one'),
      writeFile('two'),
      writeFile('one', { mode: 0o640 }),
      writeFile(''),
      tmpdir(),
      join(dirname(writeFile('x')), 'absent'),
    ];
    const digests = await Promise.all(paths.map((path) => filesDigest([path])));
    expect(new Set(digests).size).toBe(isWindows ? paths.length - 1 : paths.length);
    expect(await filesDigest([writeFile('one')])).toBe(digests[0]);
  });
});
