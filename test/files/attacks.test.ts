// Attacks by another user on a program of root that works in a directory of that user, or in a
// world-writable one. Working by descriptor prevents them. Hooks make each race certain; they were
// not run against code that works by name.

import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { auditFile } from '../../src/audit/audit-file.ts';
import { readPrevious, readTokenFile, writePrevious, writeTokenFile } from '../../src/container/token-file.ts';
import type { Diagnosis } from '../../src/doctor/diagnosis.ts';
import { writeBundle } from '../../src/doctor/support-bundle.ts';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import { changeCredentialsFile } from '../../src/environment/credentials-file.ts';
import { createFile } from '../../src/files/create-file.ts';
import { takeLock } from '../../src/files/file-lock.ts';
import { listenOnSocket } from '../../src/files/unix-socket.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { privateFiles } from '../../src/state/private-files.ts';
import {
  asOtherUser,
  describeAttack,
  freshDirectory,
  justBefore,
  justBeforeReading,
  OTHER_USER,
  rootsFile,
  strangersDirectory,
} from './support.ts';

const token = (file: string): Promise<void> =>
  writeTokenFile(file, { mode: 0o600, uid: OTHER_USER }, new Secret('t'.repeat(43)), Date.now());

describeAttack('a token file in the directory of the user it is for', () => {
  it('belongs to that user', async () => {
    const file = path.join(strangersDirectory(), 'token');
    await token(file);
    expect(statSync(file)).toMatchObject({ uid: OTHER_USER, mode: 0o100600 });
  });

  it('a link in place of the new file does not change the owner of another file', async () => {
    const [directory, secret] = [strangersDirectory(), rootsFile()];
    await justBefore('chown', () => {
      asOtherUser('for file in "$1"/*.tmp; do mv "$file" "$1/moved"; ln -s "$2" "$file"; done', directory, secret);
    });
    await token(path.join(directory, 'token'));
    expect(statSync(secret).uid).toBe(0);
  });

  it('a link in place of its directory is rejected', async () => {
    const [directory, roots] = [strangersDirectory(), freshDirectory()];
    asOtherUser('ln -s "$2" "$1/sub"', directory, roots);
    await expect(token(path.join(directory, 'sub/token'))).rejects.toMatchObject({ code: 'FILE_LINK_UNTRUSTED' });
    expect(existsSync(path.join(roots, 'token'))).toBe(false);
  });

  it('a link in place of its directory does not redirect a running write', async () => {
    const [directory, roots] = [strangersDirectory(), freshDirectory()];
    asOtherUser('mkdir "$1/sub"', directory);
    await justBefore('writeFile', () => {
      asOtherUser('mv "$1/sub" "$1/moved"; ln -s "$2" "$1/sub"', directory, roots);
    });
    await token(path.join(directory, 'sub/token'));
    expect([existsSync(path.join(roots, 'token')), existsSync(path.join(directory, 'moved/token'))]).toEqual([
      false,
      true,
    ]);
  });

  it('that another user wrote is not trusted', async () => {
    const file = path.join(freshDirectory(), 'token');
    const own = { mode: 0o600 };
    await writeTokenFile(file, own, new Secret('t'.repeat(43)), Date.now());
    expect(await readTokenFile(file, own)).toBeDefined();
    chownSync(file, OTHER_USER, OTHER_USER);
    expect(await readTokenFile(file, own)).toBeUndefined();
  });

  it('the digest of a previous token counts only if the daemon wrote it, also for a client of another user', async () => {
    const file = path.join(strangersDirectory(), 'token');
    const access = { mode: 0o600, uid: OTHER_USER };
    await writePrevious(file, access, { digest: Buffer.alloc(32, 1), since: Date.now() });
    expect(statSync(`${file}.previous`)).toMatchObject({ uid: 0, mode: 0o100600 });
    expect(await readPrevious(file, access)).toBeDefined();
    asOtherUser('rm -f "$1"; (umask 077; printf %064d 1 > "$1")', `${file}.previous`);
    expect(await readPrevious(file, access)).toBeUndefined();
  });

  it('of a third user is rejected', async () => {
    const third = { mode: 0o600, uid: OTHER_USER - 1 };
    const written = writeTokenFile(path.join(strangersDirectory(), 'token'), third, new Secret('t'), Date.now());
    await expect(written).rejects.toMatchObject({ code: 'FILE_OWNED_BY_OTHER' });
  });
});

describeAttack('a Unix socket', () => {
  const listening = async (file: string): ReturnType<typeof listenOnSocket> => {
    const server = createServer();
    const socket = await listenOnSocket(server, file, { mode: 0o600 });
    onTestFinished(async () => {
      server.close();
      await socket.close();
    });
    return socket;
  };

  it('a link in its place is not followed when its mode changes', async () => {
    const [directory, secret] = [freshDirectory(0o777), rootsFile()];
    const socket = await listening(path.join(directory, 's'));
    await socket.setMode(0o666);
    expect(statSync(path.join(directory, 's')).mode & 0o777).toBe(0o666);
    asOtherUser('mv "$1/s" "$1/moved"; ln -s "$2" "$1/s"', directory, secret);
    await socket.setMode(0o666);
    expect(statSync(secret).mode & 0o777).toBe(0o600);
  });

  it('another file in its place keeps its mode', async () => {
    const directory = freshDirectory(0o777);
    const socket = await listening(path.join(directory, 's'));
    asOtherUser('mv "$1/s" "$1/moved"; touch "$1/s"; chmod 600 "$1/s"', directory);
    await socket.setMode(0o666);
    expect(statSync(path.join(directory, 's')).mode & 0o777).toBe(0o600);
  });

  it('in the directory of another user is rejected', async () => {
    const file = path.join(strangersDirectory(), 's');
    await expect(listenOnSocket(createServer(), file, { mode: 0o600 })).rejects.toMatchObject({
      code: 'FILE_OWNED_BY_OTHER',
    });
    expect(existsSync(file)).toBe(false);
  });
});

describeAttack('update of a file in the home of another user', () => {
  const home = (): string => {
    const file = path.join(strangersDirectory(), 'credentials');
    asOtherUser('echo old >"$1"', file);
    return file;
  };
  const append = (text: string): string => `${text}new\n`;

  it('changes it and keeps its owner', async () => {
    const file = home();
    await changeCredentialsFile(file, append);
    expect([readFileSync(file, 'utf8'), statSync(file).uid]).toEqual(['old\nnew\n', OTHER_USER]);
  });

  it.each(['reading', 'stat', 'chown', 'sync'] as const)(
    'a link to a file of root, before %s, discloses nothing',
    async (call) => {
      const [file, secret] = [home(), rootsFile()];
      const attack = (): void => {
        asOtherUser('mv "$1" "$1.moved"; ln -s "$2" "$1"', file, secret);
      };
      if (call === 'reading') justBeforeReading(attack);
      else await justBefore(call, attack);
      await changeCredentialsFile(file, append).catch(() => undefined);
      expect(readFileSync(secret, 'utf8')).toBe("root's secret\n");
      for (const name of [file, `${file}.moved`])
        if (lstatSync(name).isFile()) expect(readFileSync(name, 'utf8')).not.toContain('secret');
    },
  );

  it('a pipe in its place does not block', async () => {
    const file = home();
    asOtherUser('rm "$1"; mkfifo "$1"', file);
    await expect(changeCredentialsFile(file, append)).rejects.toMatchObject({ code: 'CREDENTIALS_FILE_FOREIGN' });
  });
});

describeAttack('a new file of a command', () => {
  const diagnosis: Diagnosis = { schema: 1, version: '1', time: 't', file: 'f', exitCode: 0, steps: [] };
  const made: readonly (readonly [string, (directory: string) => Promise<unknown>])[] = [
    ['a support bundle', (directory) => writeBundle(path.join(directory, 'new'), diagnosis, undefined, {})],
    ['an account of the emulator', (directory) => createAccount(directory)],
    ['any other', (directory) => createFile(path.join(directory, 'new'), () => Promise.resolve('x'))],
  ];

  it.each(made)('%s: a link in place of its directory is rejected', async (_, make) => {
    const [directory, roots] = [strangersDirectory(), freshDirectory()];
    asOtherUser('ln -s "$2" "$1/sub"', directory, roots);
    await expect(make(path.join(directory, 'sub'))).rejects.toThrow('who can replace it');
    expect(readdirSync(roots)).toEqual([]);
  });

  it('in a directory of another user, a link in its place is not followed', async () => {
    const [directory, roots] = [strangersDirectory(), freshDirectory()];
    const file = path.join(directory, 'new');
    asOtherUser('ln -s "$2/new" "$1"', file, roots);
    await expect(createFile(file, () => Promise.resolve('x'))).rejects.toThrow(`${file} exists`);
    expect(readdirSync(roots)).toEqual([]);
  });

  it('a link in place of its directory does not redirect a running write, nor what removes it', async () => {
    const [directory, roots] = [strangersDirectory(), freshDirectory()];
    asOtherUser('mkdir "$1/sub"', directory);
    writeFileSync(path.join(roots, 'new'), "root's");
    const failing = createFile(path.join(directory, 'sub/new'), () => {
      asOtherUser('mv "$1/sub" "$1/moved"; ln -s "$2" "$1/sub"', directory, roots);
      return Promise.reject(new Error('no content'));
    });
    await expect(failing).rejects.toThrow('no content');
    expect(readFileSync(path.join(roots, 'new'), 'utf8')).toBe("root's");
    expect(readdirSync(path.join(directory, 'moved'))).toEqual([]);
  });
});

describeAttack('the audit log', () => {
  it.each([
    ['of another user', 0o755, 'FILE_OWNED_BY_OTHER'],
    ['that is sticky', 0o1777, 'FILE_LINK_UNTRUSTED'],
    ['that everybody can write', 0o777, 'FILE_LINK_UNTRUSTED'],
  ])('a link in a directory %s is not followed', async (_, mode, code) => {
    const directory = mode === 0o755 ? strangersDirectory() : freshDirectory(mode);
    const secret = rootsFile();
    asOtherUser('ln -s "$2" "$1/audit.jsonl"', directory, secret);
    await expect(auditFile(path.join(directory, 'audit.jsonl'))).rejects.toMatchObject({ code });
  });

  it('a file that others can write is rejected', async () => {
    const file = path.join(freshDirectory(), 'audit.jsonl');
    writeFileSync(file, '');
    chmodSync(file, 0o666);
    await expect(auditFile(file)).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
  });
});

describeAttack('a lock', () => {
  it('a link in its place is not followed while it waits', async () => {
    const [directory, secret] = [freshDirectory(0o777), rootsFile()];
    const file = path.join(directory, 'a.lock');
    const lock = await takeLock(file, 60_000, Date.now());
    asOtherUser('rm "$1"; ln -s "$2" "$1"', file, secret);
    await lock?.rest();
    expect(readFileSync(secret, 'utf8')).toBe("root's secret\n");
  });

  it('a pipe in its place does not block the next process', async () => {
    const file = path.join(freshDirectory(0o777), 'a.lock');
    asOtherUser('mkfifo "$1"', file);
    expect(await takeLock(file, 60_000, Date.now())).toBeUndefined();
  });
});

describeAttack('the state directory', () => {
  it('below a directory of another user is not used', async () => {
    const directory = path.join(strangersDirectory(), 'state');
    await expect(privateFiles(directory).write('name', Buffer.alloc(1))).rejects.toMatchObject({
      code: 'FILE_OWNED_BY_OTHER',
    });
    expect(existsSync(directory)).toBe(false);
  });

  it('a link in its place does not redirect a running write', async () => {
    const [parent, roots] = [freshDirectory(0o777), freshDirectory()];
    const directory = path.join(parent, 'state');
    mkdirSync(directory, { mode: 0o700 });
    await justBefore('writeFile', () => {
      asOtherUser('mv "$1/state" "$1/moved"; ln -s "$2" "$1/state"', parent, roots);
    });
    await privateFiles(directory).write('name', Buffer.alloc(1));
    expect([existsSync(path.join(roots, 'name')), existsSync(path.join(parent, 'moved/name'))]).toEqual([false, true]);
  });

  it('by a link of root is used', async () => {
    const directory = freshDirectory();
    mkdirSync(path.join(directory, 'state'), { mode: 0o700 });
    symlinkSync('state', path.join(directory, 'link'));
    const files = privateFiles(path.join(directory, 'link'));
    await files.write('name', Buffer.from('x'));
    expect(await files.read('name')).toEqual(Buffer.from('x'));
  });
});
