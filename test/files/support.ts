import { execFileSync } from 'node:child_process';
import fs, { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { isRoot } from '../support/as-user.ts';
import { describeWith, hasTool } from '../support/tools.ts';

/** Another user of this host, without privileges. */
export const OTHER_USER = 65_534;

/** A directory of root that everyone may enter, removed after the test. */
export function freshDirectory(mode = 0o755): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'files-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  chmodSync(directory, mode);
  return directory;
}

/** A directory of the other user. */
export function strangersDirectory(): string {
  const directory = freshDirectory();
  chownSync(directory, OTHER_USER, OTHER_USER);
  return directory;
}

/** A file of root that the other user wants. */
export function rootsFile(): string {
  const file = path.join(freshDirectory(), 'secret');
  writeFileSync(file, "root's secret\n", { mode: 0o600 });
  return file;
}

/** Runs a shell script as the other user, with arguments as $1 and so on. */
export function asOtherUser(script: string, ...args: readonly string[]): void {
  const user = ['--reuid', String(OTHER_USER), '--regid', String(OTHER_USER), '--clear-groups'];
  execFileSync('setpriv', [...user, 'sh', '-ec', script, 'sh', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** `describe` for tests that need root and a second user. */
export function describeAttack(title: string, body: () => void): void {
  describeWith('root and setpriv', isRoot && hasTool('setpriv', '--version'), title, body);
}

type Call = 'chmod' | 'chown' | 'stat' | 'sync' | 'writeFile';

/** All open files share their methods, so one hook can watch them. */
export async function handleMethods(): Promise<FileHandle> {
  const handle = await open('/dev/null');
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

/** Makes a race certain: runs `attack` once, just before the next call of a method of an open file. */
export async function justBefore(call: Call, attack: () => void): Promise<void> {
  const methods = await handleMethods();
  const original = Reflect.get(methods, call) as () => unknown;
  let isOver = false;
  const hooked = vi.spyOn(methods, call).mockImplementation(function (this: FileHandle, ...args: unknown[]) {
    if (!isOver) {
      isOver = true;
      attack();
    }
    return Reflect.apply(original, this, args as []) as never;
  });
  onTestFinished(() => {
    hooked.mockRestore();
    if (!isOver) throw new Error(`the attack before ${call} was never made`);
  });
}

/** The same just before an open file is read, when its status is known. */
export function justBeforeReading(attack: () => void): void {
  let isOver = false;
  const original = fs.fstatSync;
  const hooked = vi.spyOn(fs, 'fstatSync').mockImplementation((descriptor) => {
    const stats = original(descriptor);
    if (stats.isFile() && !isOver) {
      isOver = true;
      attack();
    }
    return stats;
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    hooked.mockRestore();
    syncBuiltinESMExports();
    if (!isOver) throw new Error('the attack before the reading was never made');
  });
}
