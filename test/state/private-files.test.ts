import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type PrivateFiles, privateFiles } from '../../src/state/private-files.ts';
import { describeWith } from '../support/tools.ts';
import { freshDirectory, HOUR } from './support.ts';

const SOMEBODY = 12_345;

async function stored(content = 'content'): Promise<{ files: PrivateFiles; at: (name: string) => string }> {
  const directory = await freshDirectory();
  const files = privateFiles(directory);
  await files.write('file', Buffer.from(content));
  return { files, at: (name) => path.join(directory, name) };
}

describe('a private file', () => {
  test('has at most 256 KiB', async () => {
    const { files } = await stored('x'.repeat(256 * 1024));
    expect(await files.read('file')).toHaveLength(256 * 1024);
    await files.write('file', Buffer.alloc(256 * 1024 + 1));
    await expect(files.read('file')).rejects.toMatchObject({ code: 'STATE_DAMAGED' });
  });

  test.each([0o640, 0o620, 0o610, 0o604, 0o602, 0o601])('is not read with mode %o', async (mode) => {
    const { files, at } = await stored();
    chmodSync(at('file'), mode);
    await expect(files.read('file')).rejects.toMatchObject({
      code: 'STATE_EXPOSED',
      message: expect.stringContaining(`mode 0${mode.toString(8)}`) as string,
    });
  });

  test('that the system cannot open is unreadable, and not a file of somebody else', async () => {
    const { files } = await stored();
    await expect(files.read('x'.repeat(300))).rejects.toMatchObject({
      code: 'STATE_UNREADABLE',
      message: expect.stringContaining('ENAMETOOLONG') as string,
    });
    await expect(files.write('x'.repeat(300), Buffer.alloc(1))).rejects.toMatchObject({
      code: 'STATE_NOT_WRITTEN',
      message: expect.stringContaining('ENAMETOOLONG') as string,
    });
  });
});

test('a sweep removes only old files with a matching name', async () => {
  const { files, at } = await stored();
  const now = statSync(at('file')).mtimeMs;
  const ages = { 'old-1': 2, 'old-2': 1, 'new-1': 0, other: 2 };
  for (const [name, hours] of Object.entries(ages)) {
    writeFileSync(at(name), '');
    utimesSync(at(name), new Date(now - hours * HOUR), new Date(now - hours * HOUR));
  }
  await files.sweep(/^(?:old|new)-/, statSync(at('old-2')).mtimeMs);
  expect(readdirSync(at('.')).sort()).toEqual(['file', 'new-1', 'old-2', 'other']);
});

describeWith('Linux', process.platform === 'linux', 'private files', () => {
  test('leave no descriptor open, whatever happens', async () => {
    const { files, at } = await stored();
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let time = 0; time < 20; time += 1) {
      await files.read('file');
      await files.read('missing');
      await files.sweep(/none/, 0);
      await files.read('x'.repeat(300)).catch(() => undefined);
    }
    chmodSync(at('.'), 0o777);
    for (let time = 0; time < 20; time += 1) await files.read('file').catch(() => undefined);
    expect(open() - before).toBeLessThan(20);
  });
});

describeWith('root', process.geteuid?.() === 0, 'a directory that another user could change', () => {
  test('is not used', async () => {
    const { files, at } = await stored();
    chownSync(at('.'), SOMEBODY, 0);
    await expect(files.read('file')).rejects.toMatchObject({ code: 'STATE_FOREIGN' });
    await expect(files.write('file', Buffer.alloc(1))).rejects.toMatchObject({ code: 'STATE_FOREIGN' });
  });

  test('above the files neither: nothing is created there', async () => {
    const { at } = await stored();
    mkdirSync(at('theirs'));
    const inside = privateFiles(at('theirs/new'));
    chownSync(at('theirs'), SOMEBODY, 0);
    await expect(inside.write('file', Buffer.alloc(1))).rejects.toMatchObject({ code: 'FILE_OWNED_BY_OTHER' });
    expect(existsSync(at('theirs/new'))).toBe(false);
    mkdirSync(at('theirs/new'), { mode: 0o700 });
    await expect(inside.read('file')).rejects.toMatchObject({ code: 'FILE_OWNED_BY_OTHER' });
  });
});
