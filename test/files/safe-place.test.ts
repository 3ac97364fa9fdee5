import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import type fs from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Step } from '../../src/files/place.ts';
import { checkSteps, findingsOf, openSafePlace } from '../../src/files/safe-place.ts';
import { describeWith } from '../support/tools.ts';
import { freshDirectory } from './support.ts';

/** What this host has in place of these files. */
const accounts = vi.hoisted(() => new Map<string, string>());

vi.mock('node:fs/promises', async (load) => {
  const real = await load<typeof fs>();
  const readFile = (file: string, encoding: 'utf8'): Promise<string> =>
    accounts.has(file) ? Promise.resolve(accounts.get(file) ?? '') : real.readFile(file, encoding);
  return { ...real, readFile };
});

/** A group that does not exist on any host. */
const NOBODYS = 54_321;
const directory = (mode: number, gid = 0): Step => ({ path: `/${mode}`, kind: 'directory', uid: 0, gid, mode });

async function codes(steps: readonly Step[], use: 'trusted' | 'written' = 'trusted'): Promise<string[]> {
  return (await findingsOf(steps, { use })).map(({ error }) => error.code);
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('problems of a path', () => {
  it('depend on the groups of this host', async () => {
    expect(await codes([directory(0o755), directory(0o775, NOBODYS)])).toEqual(['FILE_WRITABLE_BY_GROUP']);
    expect(await codes([directory(0o775), directory(0o755, NOBODYS)])).toEqual([]);
  });

  it('do not include a private group of this user', async () => {
    const self = String(process.geteuid?.());
    onTestFinished(() => {
      accounts.clear();
    });
    accounts.set('/etc/passwd', `own:x:${self}:${NOBODYS}::/:/bin/sh`);
    accounts.set('/etc/group', `own:x:${NOBODYS}:`);
    expect(await codes([directory(0o775, NOBODYS)])).toEqual([]);
    accounts.set('/etc/group', `own:x:${NOBODYS}:other`);
    expect(await codes([directory(0o775, NOBODYS)])).toEqual(['FILE_WRITABLE_BY_GROUP']);
  });

  it('are none on systems without user numbers', async () => {
    const own = Object.getOwnPropertyDescriptor(process, 'geteuid');
    Object.defineProperty(process, 'geteuid', { value: undefined, configurable: true, writable: true });
    try {
      expect(await codes([directory(0o777)])).toEqual([]);
    } finally {
      if (own) Object.defineProperty(process, 'geteuid', own);
    }
  });

  it('are thrown if dangerous: the first danger, not an earlier warning', async () => {
    const warning = directory(0o775, NOBODYS);
    await expect(checkSteps([warning, directory(0o777)], { use: 'trusted' })).rejects.toMatchObject({
      code: 'FILE_WRITABLE_BY_OTHERS',
    });
    await expect(checkSteps([warning, directory(0o777)], { use: 'written' })).resolves.toBeUndefined();
  });
});

describeWith('Linux', process.platform === 'linux', 'a safe place', () => {
  it('opens a place, and rejects it if others can write there', async () => {
    const at = freshDirectory();
    const place = await openSafePlace(path.join(at, 'file'), { use: 'trusted' });
    expect(statSync(place.directory).ino).toBe(statSync(at).ino);
    await place.close();
    chmodSync(at, 0o777);
    const before = openFiles();
    await expect(openSafePlace(path.join(at, 'file'), { use: 'trusted' })).rejects.toMatchObject({
      code: 'FILE_WRITABLE_BY_OTHERS',
    });
    expect(openFiles()).toBe(before);
  });

  it('creates no directory where others can write', async () => {
    const at = freshDirectory(0o777);
    const opening = openSafePlace(path.join(at, 'new/file'), { use: 'trusted' }, { make: 0o700 });
    await expect(opening).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
    expect(existsSync(path.join(at, 'new'))).toBe(false);
  });

  it('creates a directory elsewhere', async () => {
    const at = path.join(freshDirectory(), 'in');
    mkdirSync(at, { mode: 0o755 });
    const { close } = await openSafePlace(path.join(at, 'new/file'), { use: 'trusted' }, { make: 0o700 });
    await close();
    expect(statSync(path.join(at, 'new')).mode & 0o777).toBe(0o700);
  });
});
