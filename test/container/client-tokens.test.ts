import { chmod, chown, mkdir, readdir, readFile, rm, rmdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClientTokenConfig } from '../../src/config/config.ts';
import { ClientTokens } from '../../src/container/client-tokens.ts';
import { TokenKeeper } from '../../src/container/token-keeper.ts';
import { requestHeaders } from '../../src/endpoints/request.ts';
import { groupOf } from '../../src/platform/accounts.ts';
import { HOUR, MINUTE, recordingLog, SECOND } from '../sessions/support.ts';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { testDirectory } from './endpoint.ts';

const DAY = 24 * HOUR;

class Scene {
  readonly clock = new VirtualClock(Date.now());
  readonly #log = recordingLog();
  readonly lines = this.#log.lines;
  readonly directory: string;
  readonly app: ClientTokenConfig;
  tokens = new ClientTokens({ clock: this.clock, log: this.#log.log });

  constructor(directory: string) {
    this.directory = directory;
    this.app = { client: 'app', roles: ['uploader'], file: path.join(directory, 'app.token') };
  }

  static async open(changes: Partial<ClientTokenConfig> = {}): Promise<Scene> {
    const scene = new Scene(await testDirectory());
    await scene.tokens.follow([{ ...scene.app, ...changes }]);
    onTestFinished(() => scene.tokens.stop());
    return scene;
  }

  token(file = this.app.file): Promise<string> {
    return readFile(file, 'latin1');
  }

  clientOf(...tokens: readonly string[]): string | undefined {
    return this.tokens.clientOf(requestHeaders(tokens.flatMap((token) => ['Authorization', token])))?.client;
  }

  /** The token after this one; the clock has to be where it is due. */
  async next(before: string): Promise<string> {
    return eventually('another token', 10_000, async () => {
      const token = await this.token().catch(() => before);
      return token === before ? undefined : token;
    });
  }

  /** The same, whatever the clock says now: looks follow each other. */
  async nextLooking(before: string): Promise<string> {
    return eventually('another token', 10_000, async () => {
      await this.clock.advance(30 * SECOND);
      const token = await this.token().catch(() => before);
      return token === before ? undefined : token;
    });
  }

  /** Like a new process: nothing but the files is left. */
  async restart(): Promise<void> {
    await this.tokens.stop();
    this.tokens = new ClientTokens({ clock: this.clock, log: this.#log.log });
    await this.tokens.follow([this.app]);
  }
}

describe('the file of a token', () => {
  it('case 41: has no newline, is private and has 256 random bits', async () => {
    const scene = await Scene.open();
    expect(await scene.token()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect((await stat(scene.app.file)).mode & 0o777).toBe(0o600);
    expect(await readdir(scene.directory)).toEqual(['app.token']);
    expect(scene.clientOf(await scene.token())).toBe('app');
  });

  it('is readable for a configured group', async () => {
    const gid = process.getegid?.() ?? 0;
    const scene = await Scene.open({ group: gid });
    const stats = await stat(scene.app.file);
    expect([stats.mode & 0o777, stats.gid]).toEqual([0o640, gid]);
  });

  it('is readable for a group configured by its name', async () => {
    const group = await groupOf(process.getegid?.() ?? 0);
    const scene = await Scene.open({ group: group?.name ?? 'root' });
    expect((await stat(scene.app.file)).gid).toBe(group?.gid);
  });

  it.each([
    ['owner', 'user no-such-name'],
    ['group', 'group no-such-name'],
  ])('is not written for an unknown %s, which is logged once', async (key, account) => {
    const scene = await Scene.open({ [key]: 'no-such-name' });
    await scene.clock.advance(30 * SECOND);
    // Which waits for the second look.
    await scene.tokens.stop();
    expect(await readdir(scene.directory)).toEqual([]);
    expect(scene.lines.map(({ fields }) => fields['code'])).toEqual(['CONTAINER_TOKEN_OWNER_UNKNOWN']);
    expect(scene.lines[0]).toMatchObject({ level: 'error', fields: { client: 'app', file: scene.app.file } });
    expect(scene.lines[0]?.fields['error']).toContain(account);
  });

  it('is written when its missing directory appears, which is logged', async () => {
    const directory = await testDirectory();
    const scene = new Scene(path.join(directory, 'later'));
    await scene.tokens.follow([scene.app]);
    onTestFinished(() => scene.tokens.stop());
    expect(scene.lines.map(({ fields }) => fields['code'])).toEqual(['CONTAINER_TOKEN_NOT_WRITTEN']);
    await mkdir(scene.directory);
    await scene.clock.advance(30 * SECOND);
    expect(scene.clientOf(await scene.next(''))).toBe('app');
  });

  it('never appears in the log', async () => {
    const scene = await Scene.open();
    expect(JSON.stringify(scene.lines)).not.toContain(await scene.token());
  });
});

describeWith('root', process.geteuid?.() === 0, 'a token file for another user', () => {
  it('is private to that user, also after a restart', async () => {
    const scene = await Scene.open({ owner: 1234 });
    const stats = await stat(scene.app.file);
    expect([stats.uid, stats.mode & 0o777]).toEqual([1234, 0o600]);
    const first = await scene.token();
    await scene.tokens.stop();
    await scene.tokens.follow([{ ...scene.app, owner: 1234 }]);
    expect([await scene.token(), scene.clientOf(first)]).toEqual([first, 'app']);
  });

  it('may be readable for a group that has no name', async () => {
    const scene = await Scene.open({ group: 4_321 });
    expect((await stat(scene.app.file)).gid).toBe(4_321);
  });

  it('may be in a directory of that user', async () => {
    const scene = new Scene(await testDirectory());
    await chown(scene.directory, 1234, 1234);
    await scene.tokens.follow([{ ...scene.app, owner: 1234 }]);
    onTestFinished(() => scene.tokens.stop());
    expect((await stat(scene.app.file)).uid).toBe(1234);
  });

  it('is not believed after another user has become its owner', async () => {
    const scene = await Scene.open();
    const first = await scene.token();
    await chown(scene.app.file, 1234, 1234);
    await scene.restart();
    expect([scene.clientOf(first), scene.clientOf(await scene.token())]).toEqual([undefined, 'app']);
  });
});

describe('a token is replaced', () => {
  it('after a day, and the previous one stays valid for an hour', async () => {
    const scene = await Scene.open();
    const first = await scene.token();
    await scene.clock.advance(DAY - MINUTE);
    expect(await scene.token()).toBe(first);
    await scene.clock.advance(2 * MINUTE);
    const second = await scene.next(first);
    expect([scene.clientOf(first), scene.clientOf(second)]).toEqual(['app', 'app']);
    await scene.clock.advance(59 * MINUTE);
    expect(scene.clientOf(first)).toBe('app');
    await scene.clock.advance(2 * MINUTE);
    expect([scene.clientOf(first), scene.clientOf(second)]).toEqual([undefined, 'app']);
  });

  it('for a removed file, but not for its age if it does not rotate', async () => {
    const scene = await Scene.open({ rotate: false });
    const first = await scene.token();
    await scene.clock.advance(400 * DAY);
    await scene.tokens.stop();
    await scene.tokens.follow([{ ...scene.app, rotate: false }]);
    await scene.clock.advance(DAY);
    expect([await scene.token(), scene.clientOf(first)]).toEqual([first, 'app']);
    await rm(scene.app.file);
    const second = await scene.nextLooking(first);
    expect([scene.clientOf(first), scene.clientOf(second)]).toEqual(['app', 'app']);
    await scene.clock.advance(HOUR + MINUTE);
    expect([scene.clientOf(first), scene.clientOf(second)]).toEqual([undefined, 'app']);
  });

  it('at once when a new configuration lets an old token rotate', async () => {
    const scene = await Scene.open({ rotate: false });
    const first = await scene.token();
    await scene.clock.advance(2 * DAY);
    await scene.tokens.follow([scene.app]);
    expect(await scene.nextLooking(first)).not.toBe(first);
  });

  it('when its file was removed or changed', async () => {
    const scene = await Scene.open();
    const first = await scene.token();
    await rm(scene.app.file);
    const second = await scene.nextLooking(first);
    expect([scene.clientOf(first), scene.clientOf(second)]).toEqual(['app', 'app']);
    const own = 'A'.repeat(43);
    await writeFile(scene.app.file, own);
    const third = await scene.nextLooking(own);
    expect([scene.clientOf(own), scene.clientOf(third)]).toEqual([undefined, 'app']);
  });
});

describe('a restart', () => {
  it('keeps the token of the file and the previous one', async () => {
    const scene = await Scene.open();
    const first = await scene.token();
    await scene.restart();
    expect([await scene.token(), scene.clientOf(first)]).toEqual([first, 'app']);
    await scene.clock.advance(DAY + 30 * SECOND);
    const second = await scene.next(first);
    await eventually('the line', 5_000, () => scene.lines.at(1));
    await scene.restart();
    expect([scene.clientOf(first), scene.clientOf(second)]).toEqual(['app', 'app']);
    await scene.clock.advance(HOUR);
    await scene.restart();
    expect([scene.clientOf(first), scene.clientOf(second)]).toEqual([undefined, 'app']);
  });

  it.each([
    ['that others could read', false, (file: string) => chmod(file, 0o644)],
    [
      'that is a link',
      false,
      async (file: string) => {
        await writeFile(`${file}.target`, await readFile(file), { mode: 0o600 });
        await rm(file);
        await symlink(`${file}.target`, file);
      },
    ],
    ['of two days ago', true, (file: string) => utimes(file, Date.now() / 1_000, Date.now() / 1_000 - 2 * 86_400)],
    ['of two days ahead', true, (file: string) => utimes(file, Date.now() / 1_000, Date.now() / 1_000 + 2 * 86_400)],
  ])('replaces a token %s', async (_, isBelieved, spoil) => {
    const scene = await Scene.open();
    const first = await scene.token();
    await spoil(scene.app.file);
    await scene.restart();
    const second = await scene.token();
    expect(second).not.toBe(first);
    expect(scene.clientOf(first)).toBe(isBelieved ? 'app' : undefined);
    expect([scene.clientOf(second), (await stat(scene.app.file)).mode & 0o777]).toEqual(['app', 0o600]);
  });
});

it.each([
  ['too long', (digest: string) => `${digest}00`],
  ['with more before it', (digest: string) => `\n${digest}`],
  ['with more after it', (digest: string) => `${digest}\n`],
])('a previous token that is %s is none', async (_, spoil) => {
  const scene = await Scene.open();
  const first = await scene.token();
  await scene.clock.advance(DAY + 30 * SECOND);
  const second = await scene.next(first);
  await eventually('the line', 30_000, () => scene.lines.at(1));
  const file = `${scene.app.file}.previous`;
  await writeFile(file, spoil(await readFile(file, 'latin1')));
  await scene.restart();
  expect([scene.clientOf(first), scene.clientOf(second)]).toEqual([undefined, 'app']);
});

describe('a new configuration', () => {
  it('keeps the tokens of remaining clients and removes those of others', async () => {
    const scene = await Scene.open();
    const [app, file] = [await scene.token(), path.join(scene.directory, 'other.token')];
    const other = { client: 'other', roles: ['reader'], file };
    await scene.tokens.follow([other, { ...scene.app, client: 'renamed', roles: ['reader'] }]);
    expect([scene.clientOf(app), scene.clientOf(await scene.token(file))]).toEqual(['renamed', 'other']);
    await scene.tokens.follow([other]);
    expect(scene.clientOf(app)).toBeUndefined();
    expect(await readdir(scene.directory)).toEqual(['other.token']);
  });

  it('also removes the previous token of a removed client', async () => {
    const scene = await Scene.open();
    await scene.clock.advance(DAY + 30 * SECOND);
    await scene.next(await scene.token());
    await eventually('both files', 30_000, async () => (await readdir(scene.directory)).length === 2 || undefined);
    await scene.tokens.follow([]);
    expect(await readdir(scene.directory)).toEqual([]);
  });

  it('keeps rotating the tokens of remaining clients', async () => {
    const scene = await Scene.open();
    const first = await scene.token();
    await scene.tokens.follow([{ ...scene.app, client: 'renamed' }]);
    await scene.clock.advance(DAY + 30 * SECOND);
    expect(scene.clientOf(await scene.next(first))).toBe('renamed');
  });

  it('gives a file another group, and the previous token stays valid for its hour', async () => {
    const scene = await Scene.open();
    const first = await scene.token();
    await scene.clock.advance(DAY + 30 * SECOND);
    await scene.next(first);
    await scene.tokens.follow([{ ...scene.app, group: process.getegid?.() ?? 0 }]);
    expect(scene.clientOf(first)).toBe('app');
  });

  it('knows which roles have a client', async () => {
    const scene = await Scene.open();
    const other = { client: 'other', roles: ['reader'], file: path.join(scene.directory, 'other.token') };
    await scene.tokens.follow([scene.app, other]);
    expect(['uploader', 'reader', 'writer'].map((role) => scene.tokens.isFor(role))).toEqual([true, true, false]);
  });

  it('gives a file another group without invalidating the current token', async () => {
    const scene = await Scene.open();
    const first = await scene.token();
    await scene.tokens.follow([{ ...scene.app, group: process.getegid?.() ?? 0 }]);
    expect((await stat(scene.app.file)).mode & 0o777).toBe(0o640);
    expect(scene.clientOf(await scene.token())).toBe('app');
    expect(await scene.token()).not.toBe(first);
  });
});

it('a file is written again when its group has another number by now', async () => {
  const file = path.join(await testDirectory(), 'app.token');
  const client = { client: 'app', roles: [], file };
  const keeper = new TokenKeeper(client, { clock: new VirtualClock(Date.now()), log: recordingLog().log });
  // The second look finds nothing to do.
  await keeper.look();
  await keeper.look();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  // As if its name had led to no group before.
  keeper.client = { ...client, group: process.getegid?.() ?? 0 };
  await keeper.look();
  expect((await stat(file)).mode & 0o777).toBe(0o640);
});

it('a file that cannot be written is logged once, and written when possible', async () => {
  const directory = path.join(await testDirectory(), 'later');
  const { log, lines } = recordingLog();
  const file = path.join(directory, 'app.token');
  const keeper = new TokenKeeper({ client: 'app', roles: ['uploader'], file }, { clock: new VirtualClock(), log });
  for (let look = 0; look < 3; look += 1) await keeper.look();
  expect(lines.map(({ fields }) => fields['code'])).toEqual(['CONTAINER_TOKEN_NOT_WRITTEN']);
  expect(lines[0]?.fields['error']).toContain('ENOENT');
  await mkdir(directory);
  await keeper.look();
  expect(lines.at(1)?.message).toBe('container token written');
});

it('a file that is a directory is logged once for each time that it becomes one', async () => {
  const file = path.join(await testDirectory(), 'app.token');
  const { log, lines } = recordingLog();
  const keeper = new TokenKeeper({ client: 'app', roles: ['uploader'], file }, { clock: new VirtualClock(), log });
  expect(keeper.accepts(Buffer.alloc(32))).toBe(false);
  for (let time = 0; time < 2; time += 1) {
    await mkdir(file);
    for (let look = 0; look < 3; look += 1) await keeper.look();
    await rmdir(file);
    await keeper.look();
    await rm(file);
  }
  expect(lines.map(({ level, fields }) => [level, fields['code'], fields['client'], fields['file']])).toEqual([
    ['error', 'CONTAINER_TOKEN_NOT_WRITTEN', 'app', file],
    ['info', undefined, 'app', file],
    ['error', 'CONTAINER_TOKEN_NOT_WRITTEN', 'app', file],
    ['info', undefined, 'app', file],
  ]);
});

it('two tokens in one request are rejected', async () => {
  const scene = await Scene.open();
  const token = await scene.token();
  expect([scene.clientOf(token), scene.clientOf(token, token), scene.clientOf()]).toEqual([
    'app',
    undefined,
    undefined,
  ]);
});

it('checks no file and accepts no client after the stop', async () => {
  const signals: (AbortSignal | undefined)[] = [];
  const sleep = (_: number, signal?: AbortSignal): Promise<void> => {
    signals.push(signal);
    return new Promise((resolve) => signal?.addEventListener('abort', () => setTimeout(resolve, 5)));
  };
  const tokens = new ClientTokens({
    clock: { now: Date.now, monotonic: Date.now, sleep },
    log: recordingLog().log,
  });
  const file = path.join(await testDirectory(), 'app.token');
  await tokens.follow([{ client: 'app', roles: ['uploader'], file }]);
  const headers = requestHeaders(['Authorization', await readFile(file, 'latin1')]);
  expect(tokens.clientOf(headers)?.client).toBe('app');
  await tokens.stop();
  expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  expect(tokens.clientOf(headers)).toBeUndefined();
  expect((await stat(file)).size).toBe(43);
});
