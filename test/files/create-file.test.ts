import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createFile } from '../../src/files/create-file.ts';
import { inspectArgument, inspectFile } from '../../src/files/inspect-file.ts';
import { freshDirectory } from './support.ts';

const openFiles = (): number => readdirSync('/proc/self/fd').length;

it('a new file is there before its content is made, for its user only', async () => {
  const file = path.join(freshDirectory(), 'new');
  await createFile(file, () => {
    expect([lstatSync(file).mode & 0o777, lstatSync(file).size]).toEqual([0o600, 0]);
    return Promise.resolve('content');
  });
  expect(readFileSync(file, 'utf8')).toBe('content');
});

it('a new file may have another mode', async () => {
  const file = path.join(freshDirectory(), 'new');
  await createFile(file, () => Promise.resolve(''), 0o400);
  expect(lstatSync(file).mode & 0o777).toBe(0o400);
});

it('a file is not created without content, and the error is that of the content', async () => {
  const file = path.join(freshDirectory(), 'new');
  await expect(createFile(file, () => Promise.reject(new Error('no content')))).rejects.toThrow('no content');
  expect(existsSync(file)).toBe(false);
});

it('the error is that of the content even if the file is gone by then', async () => {
  const file = path.join(freshDirectory(), 'new');
  const failing = createFile(file, () => {
    rmSync(file);
    return Promise.reject(new Error('no content'));
  });
  await expect(failing).rejects.toThrow('no content');
});

it('a file that exists stays as it is, and no content is made for it', async () => {
  const file = path.join(freshDirectory(), 'new');
  writeFileSync(file, 'precious');
  await expect(createFile(file, () => expect.fail('content was made'))).rejects.toThrow(`${file} exists`);
  expect(readFileSync(file, 'utf8')).toBe('precious');
});

it('a file in a directory that does not exist fails with the reason of the system', async () => {
  const file = path.join(freshDirectory(), 'missing/new');
  await expect(createFile(file, () => Promise.resolve(''))).rejects.toThrow('ENOENT');
});

it('leaves no descriptor open, whatever happens', async () => {
  const directory = freshDirectory();
  const before = openFiles();
  for (let time = 0; time < 20; time += 1) {
    await createFile(path.join(directory, `${time}`), () => Promise.resolve('x'));
    await createFile(path.join(directory, `${time}`), () => Promise.resolve('x')).catch(() => undefined);
    await createFile(path.join(directory, `${time}.no`), () => Promise.reject(new Error())).catch(() => undefined);
    await inspectFile(path.join(directory, `${time}`), { use: 'trusted' });
  }
  expect(openFiles() - before).toBeLessThan(20);
});

it('an argument of a program is inspected only if it is a file', async () => {
  const directory = freshDirectory(0o777);
  writeFileSync(path.join(directory, 'script'), '');
  const found = async (argument: string): Promise<unknown[]> =>
    (await inspectArgument(argument)).map(({ error, isDangerous }) => [error.code, isDangerous]);
  expect(await found(path.join(directory, 'script'))).toEqual([['FILE_WRITABLE_BY_OTHERS', true]]);
  expect(await found(directory)).toEqual([]);
  expect(await found('--option')).toEqual([]);
});

it('a link is inspected with what it leads to', async () => {
  const [directory, links] = [freshDirectory(), freshDirectory()];
  writeFileSync(path.join(directory, 'file'), '');
  chmodSync(path.join(directory, 'file'), 0o666);
  symlinkSync(path.join(directory, 'file'), path.join(links, 'link'));
  expect(await inspectFile(path.join(links, 'link'), { use: 'trusted' })).toMatchObject([{ isDangerous: true }]);
});

it('a directory is inspected, and a device is not', async () => {
  expect(await inspectFile(freshDirectory(0o777), { use: 'trusted' })).toMatchObject([{ isDangerous: true }]);
  expect(await inspectFile('/dev/null', { use: 'trusted' })).toEqual([]);
  expect(await inspectFile('/does/not/exist', { use: 'trusted' })).toEqual([]);
});
