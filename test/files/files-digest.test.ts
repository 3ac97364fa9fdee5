import { chmod, mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { digestInTime, filesDigest, repeatedDigest } from '../../src/files/files-digest.ts';
import { HOUR } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A directory in a directory, with a file. */
async function someFile(): Promise<{ readonly above: string; readonly directory: string; readonly file: string }> {
  const above = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-digest-'));
  onTestFinished(() => rm(above, { recursive: true }));
  const directory = path.join(above, 'directory');
  await mkdir(directory);
  const file = path.join(directory, 'file');
  await writeFile(file, 'one');
  return { above, directory, file };
}

/** The files were written long ago. */
function later(): void {
  const now = Date.now() + HOUR;
  vi.spyOn(Date, 'now').mockImplementation(() => now);
}

afterEach(() => vi.restoreAllMocks());

describe('the digest of files', () => {
  test.each([
    ['other content', ({ file }) => writeFile(file, 'two')],
    ['other rights', ({ file }) => chmod(file, 0o640)],
    ['other rights of the directory', ({ directory }) => chmod(directory, 0o777)],
    [
      'another file with the name',
      async ({ file }) => {
        await writeFile(`${file}.new`, 'two');
        await rename(`${file}.new`, file);
      },
    ],
    [
      'a link with the name',
      async ({ file, above }) => {
        await writeFile(`${above}/other`, 'two');
        await rm(file);
        await symlink(`${above}/other`, file);
      },
    ],
    ['no file', ({ file }) => rm(file)],
  ] satisfies [string, (place: Awaited<ReturnType<typeof someFile>>) => Promise<unknown>][])(
    'changes with %s',
    async (_, change) => {
      later();
      const place = await someFile();
      const digest = repeatedDigest([place.file], new VirtualClock());
      const before = await digest();
      expect(before).toBe(await filesDigest([place.file]));
      await change(place);
      expect(await digest()).not.toBe(before);
      expect(await digest()).toBe(await filesDigest([place.file]));
    },
  );

  test('does not read the files again for an hour', async () => {
    later();
    const { above, file } = await someFile();
    const clock = new VirtualClock();
    const digest = repeatedDigest([file], clock);
    const before = await digest();
    // The only kind of change that the file and its directory do not show.
    await chmod(above, 0o777);
    expect(await filesDigest([file])).not.toBe(before);
    await clock.advance(HOUR - 1);
    expect(await digest()).toBe(before);
    await clock.advance(1);
    expect(await digest()).toBe(await filesDigest([file]));
  });

  test('reads files that have just changed, whatever their times are', async () => {
    const { above, file } = await someFile();
    const { ctimeMs } = await stat(file);
    vi.spyOn(Date, 'now').mockImplementation(() => ctimeMs);
    const digest = repeatedDigest([file], new VirtualClock());
    const before = await digest();
    await chmod(above, 0o777);
    expect(await digest()).not.toBe(before);
  });

  test('reads all files again if one of them has just changed', async () => {
    const older = await someFile();
    await delay(50);
    const newer = await someFile();
    const { ctimeMs } = await stat(newer.file);
    // Not yet three seconds for one of them.
    vi.spyOn(Date, 'now').mockImplementation(() => ctimeMs + 2_980);
    const digest = repeatedDigest([older.file, newer.file], new VirtualClock());
    const before = await digest();
    await chmod(older.above, 0o777);
    expect(await digest()).not.toBe(before);
  });

  test('looks for missing files each time', async () => {
    later();
    const { file } = await someFile();
    const digest = repeatedDigest([`${file}.missing`], new VirtualClock());
    const before = await digest();
    expect(await digest()).toBe(before);
    await writeFile(`${file}.missing`, 'one');
    expect(await digest()).not.toBe(before);
  });
});

describe('a digest with a deadline', () => {
  test('is that of the files, and leaves no timer', async () => {
    const { file } = await someFile();
    const clock = new VirtualClock();
    const digest = digestInTime([file], clock);
    expect([await digest(), clock.hasSleepers]).toEqual([await filesDigest([file]), false]);
    await chmod(file, 0o640);
    expect(await digest()).toBe(await filesDigest([file]));
  });

  test('fails after ten seconds, and does not start a second read meanwhile', async () => {
    const { file } = await someFile();
    const clock = new VirtualClock();
    const digest = digestInTime([file], clock);
    const before = await filesDigest([file]);
    // Reading needs turns of the event loop, which this clock does not give it.
    const late = digest().catch((error: unknown) => error);
    await clock.advance(9_999);
    const other = digest();
    await clock.advance(1);
    expect(await late).toMatchObject({ code: 'FILES_SLOW', message: `${file} were not read within 10 s` });
    expect(await other).toBe(before);
  });
});
