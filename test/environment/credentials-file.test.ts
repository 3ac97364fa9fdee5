import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { changeCredentialsFile } from '../../src/environment/credentials-file.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'credentials-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  file = path.join(directory, 'aws', 'credentials');
});

const append = (text: string): string => `${text}x\n`;
const codeOf = (work: Promise<void>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error as { code?: unknown }).code,
  );

test('a new file and its directory are accessible only for this user', async () => {
  await changeCredentialsFile(file, append);
  expect(await readFile(file, 'utf8')).toBe('x\n');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
  expect(await readdir(path.dirname(file))).toEqual(['credentials']);
});

test('the mode stays, with any umask', async () => {
  await mkdir(path.dirname(file));
  await writeFile(file, 'a\n');
  await chmod(file, 0o660);
  await changeCredentialsFile(file, append);
  expect([await readFile(file, 'utf8'), (await stat(file)).mode & 0o777]).toEqual(['a\nx\n', 0o660]);
});

test.each([
  ['Latin-1', Buffer.from('# b\xfcro\n', 'latin1')],
  ['UTF-8', Buffer.from('\uFEFF# büro\n')],
])('every byte of %s stays', async (_name, content) => {
  await mkdir(path.dirname(file));
  await writeFile(file, content);
  await changeCredentialsFile(file, append);
  expect(await readFile(file)).toEqual(Buffer.concat([content, Buffer.from('x\n')]));
});

test('UTF-16 is not continued in UTF-8', async () => {
  const content = Buffer.from('\uFEFF[default]\n', 'utf16le');
  await mkdir(path.dirname(file));
  await writeFile(file, content);
  expect(await codeOf(changeCredentialsFile(file, append))).toBe('CREDENTIALS_FILE_ENCODING');
  expect(await readFile(file)).toEqual(content);
});

test('a link stays a link, and its target is changed', async () => {
  const target = path.join(directory, 'dotfiles');
  await writeFile(target, 'a\n');
  await mkdir(path.dirname(file));
  await symlink('../dotfiles', file);
  await changeCredentialsFile(file, append);
  expect((await lstat(file)).isSymbolicLink()).toBe(true);
  expect(await readFile(target, 'utf8')).toBe('a\nx\n');
});

test.runIf(process.getuid?.() === 0)('a link of another user is not followed', async () => {
  await mkdir(path.dirname(file));
  const target = path.join(directory, 'target');
  await writeFile(target, 'a\n');
  await symlink(target, file);
  execFileSync('chown', ['-h', '65534', file]);
  expect(await codeOf(changeCredentialsFile(file, append))).toBe('CREDENTIALS_FILE_FOREIGN');
  expect(await readFile(target, 'utf8')).toBe('a\n');
});

test.runIf(process.getuid?.() === 0)('the owner stays when root changes a user’s file', async () => {
  await changeCredentialsFile(file, append);
  execFileSync('chown', ['65534:65534', file]);
  await changeCredentialsFile(file, append);
  expect(await stat(file)).toMatchObject({ uid: 65_534, gid: 65_534 });
});

test('concurrent changes by other programs are not lost', async () => {
  await changeCredentialsFile(file, append);
  let changes = 0;
  await changeCredentialsFile(file, (text) => {
    changes += 1;
    if (changes === 1) writeFileSync(file, 'other\n');
    return append(text);
  });
  expect([await readFile(file, 'utf8'), changes]).toEqual(['other\nx\n', 2]);
});

test('a file that changes all the time is not written', async () => {
  let changes = 0;
  await mkdir(path.dirname(file));
  const work = changeCredentialsFile(file, (text) => {
    writeFileSync(file, `${(changes += 1)}`);
    return append(text);
  });
  expect(await codeOf(work)).toBe('CREDENTIALS_FILE_NOT_WRITTEN');
  expect(await readdir(path.dirname(file))).toEqual(['credentials']);
});

test('something other than a file is not replaced, and nothing is left over', async () => {
  await mkdir(file, { recursive: true });
  expect(await codeOf(changeCredentialsFile(file, append))).toBe('CREDENTIALS_FILE_FOREIGN');
  expect(await codeOf(changeCredentialsFile(path.join(file, 'x', 'y'), append))).toBe('done');
  const below = path.join(directory, 'plain');
  await writeFile(below, '');
  expect(await codeOf(changeCredentialsFile(path.join(below, 'x'), append))).toBe('CREDENTIALS_FILE_NOT_WRITTEN');
});
