import { lstat, mkdir, open, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
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

function onSystem(system: string): void {
  const own = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
  Object.defineProperty(process, 'platform', { ...own, value: system });
  onTestFinished(() => {
    Object.defineProperty(process, 'platform', own);
  });
}

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

  it.each(
    ['real/file', './real/../real/file', 'to-file', 'to-directory/file', 'end', 'absolute/file', 'chain'].flatMap(
      (name) => [
        { name, system: process.platform },
        // Where there is no O_PATH.
        { name, system: 'darwin' },
      ],
    ),
  )('finds what the kernel finds at $name on $system', async ({ name, system }) => {
    onSystem(system);
    const directory = freshDirectory();
    await mkdir(path.join(directory, 'real'));
    await writeFile(path.join(directory, 'real/file'), 'found');
    await symlink('real/file', path.join(directory, 'to-file'));
    await symlink('real', path.join(directory, 'to-directory'));
    await symlink('.//real/.././real/file', path.join(directory, 'end'));
    await symlink(path.join(directory, 'real'), path.join(directory, 'absolute'));
    await symlink('end', path.join(directory, 'chain'));
    const { file } = await placeOf(path.join(directory, name), followed);
    expect(await readFile(file, 'utf8')).toBe('found');
  });

  it('reports each step once, including links', async () => {
    const directory = freshDirectory();
    await mkdir(path.join(directory, 'real'));
    await symlink('.//real/.', path.join(directory, 'link'));
    const { steps } = await placeOf(path.join(directory, 'link', 'file'));
    expect(steps.slice(-3).map(({ path: at, kind }) => [path.relative(directory, at), kind])).toEqual([
      ['', 'directory'],
      ['link', 'link'],
      ['real', 'directory'],
    ]);
    expect(new Set(steps.map(({ path: at }) => at)).size).toBe(steps.length);
  });

  it('names the steps behind an absolute link by their own path', async () => {
    const directory = freshDirectory();
    await mkdir(path.join(directory, 'real'));
    await symlink(path.join(directory, 'real'), path.join(directory, 'link'));
    const { steps } = await placeOf(path.join(directory, 'link', 'file'));
    expect(steps.at(-1)?.path).toBe(path.join(directory, 'real'));
    expect(steps[0]).toMatchObject({ path: '/', kind: 'directory', uid: 0 });
  });

  it.each([
    ['/', '/'],
    ['root', '/'],
    ['itself', '.'],
    ['twice', '.'],
  ])('may be one to a directory: %s', async (name, found) => {
    const directory = freshDirectory();
    await symlink('/', path.join(directory, 'root'));
    await symlink('.', path.join(directory, 'itself'));
    await symlink('./itself/', path.join(directory, 'twice'));
    const { file } = await placeOf(path.resolve(directory, name), followed);
    const [{ ino, dev }, wanted] = [await stat(file), await stat(path.resolve(directory, found))];
    expect([ino, dev]).toEqual([wanted.ino, wanted.dev]);
  });

  it('does not follow a link at its end, unless asked to', async () => {
    const directory = freshDirectory();
    await writeFile(path.join(directory, 'file'), '');
    await symlink('file', path.join(directory, 'link'));
    const place = await placeOf(path.join(directory, 'link'));
    expect((await lstat(place.file)).isSymbolicLink()).toBe(true);
    expect(place.steps.at(-1)).toMatchObject({ path: directory, kind: 'directory' });
    const target = await placeOf(path.join(directory, 'link'), followed);
    expect((await lstat(target.file)).isFile()).toBe(true);
    expect(target.steps.at(-1)).toMatchObject({ path: path.join(directory, 'link'), kind: 'link' });
  });

  it('has at most 40 links, as for the kernel', async () => {
    const directory = freshDirectory();
    await writeFile(path.join(directory, '0'), '');
    for (let link = 1; link <= 41; link += 1) await symlink(String(link - 1), path.join(directory, String(link)));
    expect((await lstat((await placeOf(path.join(directory, '40'), followed)).file)).isFile()).toBe(true);
    await expect(openPlace(path.join(directory, '41'), followed)).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('may end at a file that is missing, which is not created', async () => {
    const directory = freshDirectory();
    const { file } = await placeOf(path.join(directory, 'missing'), { ...followed, make: 0o700 });
    await expect(lstat(file)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(directory)).toEqual([]);
  });

  it('can be closed twice: by then, another file may have its number', async () => {
    const directory = freshDirectory();
    const { close } = await openPlace(path.join(directory, 'file'));
    await close();
    const handles = await Promise.all([1, 2, 3].map(() => open(directory)));
    await close();
    for (const handle of handles) expect((await handle.stat()).isDirectory()).toBe(true);
    for (const handle of handles) await handle.close();
  });

  it('leaves no descriptor open when it fails', async () => {
    const directory = freshDirectory();
    await mkdir(path.join(directory, 'a'));
    const before = (await readdir('/dev/fd')).length;
    for (let time = 0; time < 20; time += 1)
      await openPlace(path.join(directory, 'a/missing/file')).catch(() => undefined);
    expect((await readdir('/dev/fd')).length - before).toBeLessThan(20);
  });

  it.each([
    ['ENOENT', 'missing/file'],
    ['ENOTDIR', 'file/file'],
    ['ELOOP', 'loop/file'],
    ['ENAMETOOLONG', 'x'.repeat(300)],
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

  it('creates them once if several need them at the same time', async () => {
    const made = path.join(freshDirectory(), 'a/b/c');
    const places = await Promise.all(Array.from({ length: 5 }, () => openDirectory(made, { make: 0o700 })));
    for (const { close } of places) await close();
    expect((await stat(made)).isDirectory()).toBe(true);
  });

  it('creates none that is forbidden, and gives the steps to it', async () => {
    const directory = freshDirectory();
    const seen: (string | undefined)[] = [];
    const mayMake: PlaceOptions['mayMake'] = (steps) => {
      seen.push(steps.at(-1)?.path);
      return steps.at(-1)?.path === directory ? Promise.resolve() : Promise.reject(new Error('not here'));
    };
    await expect(openDirectory(path.join(directory, 'a/b'), { make: 0o700, mayMake })).rejects.toThrow('not here');
    expect(seen).toEqual([directory, path.join(directory, 'a')]);
    expect(await readdir(path.join(directory, 'a'))).toEqual([]);
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

  it('has its content, its mode and its time, and nothing else is left', async () => {
    const directory = freshDirectory();
    const place = await placeOf(path.join(directory, 'file'));
    const modified = Date.parse('2026-11-22T12:00:00Z');
    expect(await replaceFile(place, { content: 'x', mode: 0o640, modified })).toBe(true);
    const { mode, mtimeMs } = await stat(path.join(directory, 'file'));
    expect([mode & 0o777, mtimeMs, await readdir(directory)]).toEqual([0o640, modified, ['file']]);
  });

  it.each([
    ['is not wanted any more', () => Promise.resolve(false), false],
    ['cannot be wanted', () => Promise.reject(new Error('stop')), 'stop'],
  ])('stays as it was if the new one %s', async (_, isWanted, outcome) => {
    const directory = freshDirectory();
    await writeFile(path.join(directory, 'file'), 'old');
    const place = await placeOf(path.join(directory, 'file'));
    const replaced = replaceFile(place, { content: 'new', mode: 0o600, isWanted });
    expect(await replaced.catch((error: unknown) => (error as Error).message)).toBe(outcome);
    expect(await readFile(path.join(directory, 'file'), 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['file']);
  });

  it.runIf(process.geteuid?.() === 0)('belongs to whom it is for', async () => {
    const directory = freshDirectory();
    const owners: [number, number][] = [];
    for (const owner of [{ uid: 12_345, gid: 12_346 }, { uid: 12_345 }, { gid: 12_346 }, {}]) {
      const place = await placeOf(path.join(directory, 'file'));
      await replaceFile(place, { content: 'x', mode: 0o600, ...owner });
      const { uid, gid } = await stat(path.join(directory, 'file'));
      owners.push([uid, gid]);
    }
    const { uid, gid } = await stat(directory);
    expect(owners).toEqual([
      [12_345, 12_346],
      [12_345, gid],
      [uid, 12_346],
      [uid, gid],
    ]);
  });
});
