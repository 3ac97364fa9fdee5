import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfigFile } from '../../src/config/config-file.ts';
import { filesDigest } from '../../src/files/files-digest.ts';
import { readFileContent } from '../../src/files/read-file.ts';
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
    expect(await codeOf(readFileContent(pipe))).toBe('FILE_NOT_REGULAR');
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
