import { mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDirectory, openPlace, type Place, type PlaceOptions } from '../../src/files/place.ts';
import { replaceFile } from '../../src/files/replace-file.ts';
import { freshDirectory, handleMethods } from './support.ts';

async function placeOf(named: string, options: PlaceOptions = {}): Promise<Place> {
  const place = await openPlace(named, options);
  onTestFinished(place.close);
  return place;
}

const followed = { followLast: true };

describe('the way to a file', () => {
  it('continues in the directory that was found, even if one is renamed', async () => {
    const directory = freshDirectory();
    await mkdir(path.join(directory, 'a'));
    const place = await placeOf(path.join(directory, 'a', 'file'));
    await rename(path.join(directory, 'a'), path.join(directory, 'b'));
    await mkdir(path.join(directory, 'a'));
    await writeFile(place.file, 'x');
    expect(await readFile(path.join(directory, 'b', 'file'), 'utf8')).toBe('x');
  });

  it.each(['real/file', './real/../real/file', 'to-file', 'to-directory/file', 'end', 'absolute/file', 'chain'])(
    'finds what the kernel finds at %s',
    async (name) => {
      const directory = freshDirectory();
      await mkdir(path.join(directory, 'real'));
      await writeFile(path.join(directory, 'real/file'), 'found');
      await symlink('real/file', path.join(directory, 'to-file'));
      await symlink('real', path.join(directory, 'to-directory'));
      await symlink('real/../real/file', path.join(directory, 'end'));
      await symlink(path.join(directory, 'real'), path.join(directory, 'absolute'));
      await symlink('end', path.join(directory, 'chain'));
      const { file } = await placeOf(path.join(directory, name), followed);
      expect(await readFile(file, 'utf8')).toBe('found');
    },
  );

  it('reports each step, including links', async () => {
    const directory = freshDirectory();
    await mkdir(path.join(directory, 'real'));
    await symlink('real', path.join(directory, 'link'));
    const { steps } = await placeOf(path.join(directory, 'link', 'file'));
    expect(steps.slice(-3).map(({ path: at, kind }) => [path.relative(directory, at), kind])).toEqual([
      ['', 'directory'],
      ['link', 'link'],
      ['real', 'directory'],
    ]);
  });

  it.each([
    ['ENOENT', 'missing/file'],
    ['ENOTDIR', 'file/file'],
    ['ELOOP', 'loop/file'],
  ])('ends with %s', async (code, name) => {
    const directory = freshDirectory();
    await writeFile(path.join(directory, 'file'), '');
    await symlink('loop', path.join(directory, 'loop'));
    await expect(openPlace(path.join(directory, name), followed)).rejects.toMatchObject({ code });
  });

  it('creates missing directories if requested', async () => {
    const directory = freshDirectory();
    const made = path.join(directory, 'a/b/c');
    const { close } = await openDirectory(made, { make: 0o700 });
    await close();
    for (const at of ['a', 'a/b', 'a/b/c']) expect((await stat(path.join(directory, at))).mode & 0o777).toBe(0o700);
  });

  // Node's recursive mkdir loops forever there.
  it.skipIf(process.platform !== 'linux')('gives up where the parent says that it is not there', async () => {
    await expect(openDirectory('/proc/x/y', { make: 0o700 })).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a file that is replaced', () => {
  it('is on the disk before it has its name, and has its name before the call returns', async () => {
    const directory = freshDirectory();
    const place = await placeOf(path.join(directory, 'file'));
    const synced: string[] = [];
    const methods = await handleMethods();
    const original = Reflect.get<typeof methods, 'sync'>(methods, 'sync');
    const spy = vi.spyOn(methods, 'sync').mockImplementation(async function (this: typeof methods) {
      const isDirectory = (await this.stat()).isDirectory();
      const isThere = await stat(path.join(directory, 'file')).then(
        () => true,
        () => false,
      );
      synced.push(`${isDirectory ? 'directory' : 'file'}, ${isThere ? 'after' : 'before'} the rename`);
      return Reflect.apply(original, this, []);
    });
    onTestFinished(() => {
      spy.mockRestore();
    });
    await replaceFile(place, { content: 'x', mode: 0o600 });
    expect(synced).toEqual(['file, before the rename', 'directory, after the rename']);
  });
});
