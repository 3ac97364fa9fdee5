import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { takeLock, whileLocked } from '../../src/files/file-lock.ts';
import { type Clock, systemClock } from '../../src/foundation/clock.ts';
import { freshDirectory } from '../state/support.ts';

const MINUTE = 60_000;
let directory: string;
let file: string;

beforeEach(async () => {
  directory = await freshDirectory();
  file = path.join(directory, 'a.lock');
});

const take = (): ReturnType<typeof takeLock> => takeLock(file, MINUTE, Date.now());

test('one process has it until it releases it', async () => {
  const lock = await take();
  expect(lock).toBeDefined();
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  expect(await readFile(file, 'utf8')).toBe(`${process.pid}\n`);
  expect(await take()).toBeUndefined();
  await lock?.release();
  expect(await take()).toBeDefined();
});

test('of many at the same time, one gets it', async () => {
  const taken = await Promise.all(Array.from({ length: 50 }, take));
  expect(taken.filter((lock) => lock !== undefined)).toHaveLength(1);
});

test('a lock of an ended process is taken over', async () => {
  const pid = execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' });
  await mkdir(directory);
  await writeFile(file, pid);
  expect(await take()).toBeDefined();
});

test('a paused lock is taken over when its time is over', async () => {
  await (await take())?.rest();
  // Nor does the end of this process release it.
  expect(await readFile(file, 'utf8')).toBe('');
  expect(await take()).toBeUndefined();
  const before = new Date(Date.now() - MINUTE - 1_000);
  await utimes(file, before, before);
  expect(await take()).toBeDefined();
});

test('a lock that is gone can be released and paused', async () => {
  const lock = await take();
  await rm(file);
  await lock?.rest();
  await lock?.release();
  expect(await take()).toBeDefined();
});

test.each([
  ['is longer than 100 bytes', (pid: string) => pid.padEnd(101), false],
  ['has 100 bytes', (pid: string) => pid.padEnd(100), true],
  ['has the number of a process group', () => '-4194304', false],
  ['has no number', () => 'a process', false],
])('a file in its place that %s is taken over only if it names an ended process', async (_, content, isTaken) => {
  const pid = execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).trim();
  await mkdir(directory);
  await writeFile(file, content(pid));
  expect((await take()) !== undefined).toBe(isTaken);
});

test('a lock from the future is taken over', async () => {
  await take();
  const later = new Date(Date.now() + 2 * MINUTE);
  await utimes(file, later, later);
  expect(await take()).toBeDefined();
});

test('a link in its place is not followed', async () => {
  await mkdir(directory);
  await symlink(path.join(directory, 'elsewhere'), file);
  expect(await take()).toBeUndefined();
  await expect(stat(path.join(directory, 'elsewhere'))).rejects.toThrow('ENOENT');
});

test('if no lock can be created, all processes proceed', async () => {
  await mkdir(directory);
  await writeFile(path.join(directory, 'file'), '');
  file = path.join(directory, 'file', 'a.lock');
  const lock = await take();
  expect(lock).toBeDefined();
  await lock?.rest();
  await lock?.release();
  await chmod(directory, 0o700);
});

test('work runs alone, and each process gets its turn', async () => {
  let [working, most, done] = [0, 0, 0];
  const work = async (): Promise<void> => {
    most = Math.max(most, (working += 1));
    await systemClock.sleep(1);
    working -= 1;
    done += 1;
  };
  const parts = { longestMs: MINUTE, clock: systemClock };
  await Promise.all(Array.from({ length: 10 }, () => whileLocked(file, parts, work)));
  expect([most, done]).toEqual([1, 10]);
});

test('a process that waited longer than a lock may be held proceeds without it', async () => {
  let slept = 0;
  const clock: Clock = { now: Date.now, monotonic: () => slept, sleep: (ms) => Promise.resolve(void (slept += ms)) };
  await take();
  await whileLocked(file, { longestMs: 500, clock }, () => Promise.resolve());
  expect(slept).toBe(500);
  expect(await take()).toBeUndefined();
});
