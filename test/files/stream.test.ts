import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { streamAt } from '../../src/files/stream.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { freshDirectory } from './support.ts';

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** An open descriptor of this process, with content to read. */
async function withDescriptor<T>(content: string, use: (descriptor: number) => Promise<T>): Promise<T> {
  const file = path.join(freshDirectory(), 'file');
  writeFileSync(file, content);
  const descriptor = openSync(file, 'r');
  try {
    return await use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

describe('a file that can be read only once', () => {
  it.each(['/dev/fd/', '/proc/self/fd/'])('is an open descriptor by its name in %s', async (prefix) => {
    await withDescriptor('content', async (descriptor) => {
      const stream = await streamAt(`${prefix}${descriptor}`);
      expect(stream?.stats.size).toBe(7);
      expect((await stream?.read())?.toString()).toBe('content');
      // Still open: the one who opened it closes it.
      expect((await streamAt(`${prefix}${descriptor}`))?.stats.isFile()).toBe(true);
    });
  });

  it('is standard input', async () => {
    for (const name of ['/dev/stdin', '/dev/fd/0']) expect((await streamAt(name))?.stats).toBeDefined();
  });

  it('is no regular file, directory or missing file', async () => {
    const directory = freshDirectory();
    writeFileSync(path.join(directory, 'file'), '');
    for (const name of ['file', '.', 'missing', 'dev/stdin'])
      expect(await streamAt(path.join(directory, name))).toBeUndefined();
  });

  it('is no file whose name only looks like a descriptor', async () => {
    await withDescriptor('', async (descriptor) => {
      for (const name of [`/dev/fd/${descriptor}/x`, `/dev/fd/x${descriptor}`, `/x/dev/fd/${descriptor}`])
        expect(await streamAt(name)).toBeUndefined();
    });
  });
});

describeWith('mkfifo', hasTool('mkfifo', '--version'), 'a pipe with a name', () => {
  it('is read until its writer closes it, also through a link, and is then closed', async () => {
    const directory = freshDirectory();
    const [pipe, link] = [path.join(directory, 'pipe'), path.join(directory, 'link')];
    execFileSync('mkfifo', [pipe]);
    symlinkSync('pipe', link);
    const before = openFiles();
    for (const name of [pipe, link]) {
      const stream = await streamAt(name);
      expect(stream?.stats.isFIFO()).toBe(true);
      const [content] = await Promise.all([stream?.read(), writeFile(pipe, 'content')]);
      expect(content?.toString()).toBe('content');
    }
    expect(openFiles()).toBe(before);
  });
});
