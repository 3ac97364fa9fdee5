import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import type { State } from '../../src/state/state.ts';
import { freshDirectory, Host, HOUR, MINUTE, role, session } from './support.ts';

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const key = newKey();
const asked =
  (from: KeyObject = key) =>
  (): Promise<KeyObject> =>
    Promise.resolve(from);

/** A process that stored a session and ended as by kill -9, without closing anything. */
async function keptHost(parts: ConstructorParameters<typeof Host>[1] = {}): Promise<Host> {
  const host = new Host(await freshDirectory(), parts);
  const state = await host.start();
  state.session(role).keep(session(host.clock.now()), key);
  await state.close();
  host.lines.length = 0;
  return host;
}

async function sessionFile({ directory }: Host): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('session-'));
  expect(names).toHaveLength(1);
  return path.join(directory, names[0] ?? '');
}

const restored = async (state: State, from = key, of = role): Promise<string | undefined> =>
  (await state.session(of).restored(asked(from)))?.accessKeyId;

describe('after a restart', () => {
  test('the session is complete, with unprintable secrets', async () => {
    const host = await keptHost();
    const found = await (await host.start()).session(role).restored(asked());
    expect(found).toEqual(session(host.clock.now()));
    expect(found?.sessionToken.reveal()).toBe('marked-session-token');
    expect(found?.secretAccessKey.reveal()).toBe('marked-secret-access-key');
    expect(JSON.stringify(found)).not.toContain('marked');
    expect(host.lines).toEqual([]);
  });

  test('the token key is the same, even before any session was stored', async () => {
    const host = new Host(await freshDirectory());
    const first = await host.start();
    await first.close();
    const second = await host.start();
    expect(second.tokenKey).toEqual(first.tokenKey);
    expect(second.tokenKey).toHaveLength(32);
    expect(new Set(second.tokenKey).size).toBeGreaterThan(10);
  });

  test('directory 0700, files 0600, no secret in them, nothing left over', async () => {
    const host = await keptHost();
    expect((await stat(host.directory)).mode & 0o777).toBe(0o700);
    const names = await readdir(host.directory);
    expect(names.sort()).toEqual(['metadata-token-key', expect.stringMatching(/^session-[0-9a-f]{32}$/)]);
    for (const name of names) {
      const file = path.join(host.directory, name);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await readFile(file)).includes('marked')).toBe(false);
      expect((await readFile(file)).includes('ASIA')).toBe(false);
    }
  });

  test('an expired session is not served', async () => {
    const host = await keptHost();
    host.clock.step(HOUR - 1);
    expect(await restored(await host.start())).toBe('ASIAEXAMPLE000000001');
    host.clock.step(1);
    expect(await restored(await host.start())).toBeUndefined();
    expect(host.lines).toEqual([]);
  });

  test('a session from the future is not served until the clock is set', async () => {
    const host = await keptHost();
    host.clock.step(-6 * MINUTE);
    const state = await host.start();
    expect([await restored(state), host.codes]).toEqual([undefined, ['STATE_FROM_FUTURE']]);
    host.clock.step(2 * MINUTE);
    expect(await restored(state)).toBe('ASIAEXAMPLE000000001');
  });

  test.each([
    { name: 'another' },
    { roleArn: 'arn:aws:iam::123456789012:role/Other' },
    { profileArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/2' },
    { trustAnchorArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/2' },
    { roleSessionName: 'closet-17' },
  ])('a role that is changed by %o gets no session of the old one, even under its file name', async (change) => {
    const host = await keptHost();
    const changed = { ...role, ...change };
    const old = await sessionFile(host);
    expect(await restored(await host.start(), key, changed)).toBeUndefined();
    expect(host.lines).toEqual([]);

    const other = await host.start();
    other.session(changed).keep(session(host.clock.now(), 'ASIAOTHER0000000001'), key);
    await other.close();
    const [theirs = ''] = (await readdir(host.directory)).filter(
      (name) => /^session/.test(name) && !old.endsWith(name),
    );
    await rename(old, path.join(host.directory, theirs));
    expect(await restored(await host.start(), key, changed)).toBeUndefined();
    expect(host.codes).toEqual(['STATE_DAMAGED']);
  });

  test('sealed with a rotated key: not served, logged, and sealed again at the next grant', async () => {
    const host = await keptHost();
    const rotated = newKey();
    const state = await host.start();
    expect([await restored(state, rotated), await restored(state, rotated)]).toEqual([undefined, undefined]);
    expect(host.codes).toEqual(['STATE_OTHER_KEY']);
    state.session(role).keep(session(host.clock.now(), 'ASIANEXT00000000001'), rotated);
    await state.close();
    expect(await restored(await host.start(), rotated)).toBe('ASIANEXT00000000001');
  });

  test('the same key in another encoding opens it', async () => {
    const host = await keptHost();
    const other = createPrivateKey(key.export({ type: 'sec1', format: 'pem' }));
    expect(await restored(await host.start(), other)).toBe('ASIAEXAMPLE000000001');
  });

  test('the private key is not needed if there is nothing to open, and its errors are passed on', async () => {
    const host = new Host(await freshDirectory());
    const broken = (): Promise<KeyObject> => Promise.reject(new Error('no identity'));
    expect(await (await host.start()).session(role).restored(broken)).toBeUndefined();
    const full = await keptHost();
    await expect((await full.start()).session(role).restored(broken)).rejects.toThrow('no identity');
  });
});

test('a key that cannot be exported stores no session, and that is logged once', async () => {
  const host = new Host(await freshDirectory());
  const state = await host.start();
  const kept = state.session(role);
  kept.keep(session(host.clock.now()), undefined);
  kept.keep(session(host.clock.now()), undefined);
  await state.close();
  expect(host.codes).toEqual(['STATE_NO_SEALING_KEY']);
  expect(await restored(await host.start())).toBeUndefined();
});

describe('the keys of a cluster', () => {
  test('are kept across restarts, for each cluster', async () => {
    const host = new Host(await freshDirectory());
    const state = await host.start();
    state.clusterKeys('one').write('{"keys":["é"]}');
    state.clusterKeys('two').write('other');
    await state.close();
    const { clusterKeys } = await host.start();
    const read = ['one', 'two', 'three'].map((cluster) => clusterKeys(cluster).read());
    expect(await Promise.all(read)).toEqual(['{"keys":["é"]}', 'other', undefined]);
    expect(host.lines).toEqual([]);
    const names = (await readdir(host.directory)).filter((name) => /^cluster-keys-[0-9a-f]{16}\.json$/.test(name));
    expect(names).toHaveLength(2);
  });

  test('that other users could have written are not used, and that is logged', async () => {
    const host = new Host(await freshDirectory());
    const state = await host.start();
    state.clusterKeys('one').write('{}');
    await state.close();
    const [name = ''] = (await readdir(host.directory)).filter((each) => each.startsWith('cluster-keys'));
    await chmod(path.join(host.directory, name), 0o602);
    expect(await (await host.start()).clusterKeys('one').read()).toBeUndefined();
    expect(host.lines).toMatchObject([{ level: 'warn', message: 'stored state', fields: { code: 'STATE_EXPOSED' } }]);
  });
});

describe('with a stateKey', () => {
  const ownKey = (text: string) => (): Promise<Secret> => Promise.resolve(new Secret(text));
  const strong = 'k'.repeat(32);
  const noIdentity = (): Promise<KeyObject> => Promise.reject(new Error('asked for the private key'));

  test('the session opens without the private key', async () => {
    const host = await keptHost({ ownKey: ownKey(strong) });
    expect((await (await host.start()).session(role).restored(noIdentity))?.accessKeyId).toBe('ASIAEXAMPLE000000001');
  });

  test('another stateKey does not open it', async () => {
    const host = await keptHost({ ownKey: ownKey(strong) });
    const other = new Host(host.directory, { ownKey: ownKey('x'.repeat(32)) });
    expect(await restored(await other.start())).toBeUndefined();
    expect(other.codes).toEqual(['STATE_OTHER_KEY']);
  });

  test('a weak stateKey seals nothing, and is not printed', async () => {
    const host = new Host(await freshDirectory(), { ownKey: ownKey('hunter2') });
    const state = await host.start();
    state.session(role).keep(session(host.clock.now()), key);
    await state.close();
    expect(host.codes).toContain('STATE_KEY_WEAK');
    expect(JSON.stringify(host.lines)).not.toContain('hunter2');
    expect((await readdir(host.directory)).some((name) => name.startsWith('session-'))).toBe(false);
  });

  test('an unreadable stateKey is retried, and pending sessions are stored then', async () => {
    let isThere = false;
    const host = new Host(await freshDirectory(), {
      ownKey: () => (isThere ? Promise.resolve(new Secret(strong)) : Promise.reject(new Error('not mounted'))),
    });
    const state = await host.start();
    state.session(role).keep(session(host.clock.now()), key);
    await expect.poll(() => host.codes).toEqual(['STATE_KEY_UNREADABLE']);
    isThere = true;
    await host.clock.advance(MINUTE);
    await expect.poll(() => host.codes).toEqual(['STATE_KEY_UNREADABLE', 'state is stored again']);
    await state.close();
    expect(await restored(await host.start())).toBe('ASIAEXAMPLE000000001');
  });
});

describe('an untrusted file is ignored, logged, and replaced at the next write', () => {
  const spoilt: Readonly<Record<string, [(file: string) => Promise<unknown>, code: string]>> = {
    empty: [(file) => writeFile(file, ''), 'STATE_DAMAGED'],
    noise: [(file) => writeFile(file, 'noise'.repeat(100)), 'STATE_DAMAGED'],
    'cut off': [async (file) => writeFile(file, (await readFile(file)).subarray(0, -1)), 'STATE_DAMAGED'],
    'of another version': [
      async (file) => {
        const content = await readFile(file);
        content[8] = 9;
        await writeFile(file, content);
      },
      'STATE_OTHER_VERSION',
    ],
    huge: [(file) => writeFile(file, Buffer.alloc(300 * 1024)), 'STATE_DAMAGED'],
    'readable for the group': [(file) => chmod(file, 0o640), 'STATE_EXPOSED'],
    'a link': [
      async (file) => {
        await rename(file, `${file}.elsewhere`);
        await symlink(`${file}.elsewhere`, file);
      },
      'STATE_FOREIGN',
    ],
    'a directory': [
      async (file) => {
        await rm(file);
        await mkdir(file, { mode: 0o700 });
      },
      'STATE_FOREIGN',
    ],
  };

  test.each(Object.entries(spoilt))('session file: %s', async (kind, [spoil, code]) => {
    const host = await keptHost();
    const file = await sessionFile(host);
    await spoil(file);
    const state = await host.start();
    expect([await restored(state), host.codes]).toEqual([undefined, [code]]);
    if (kind === 'a directory') await rm(file, { recursive: true });
    state.session(role).keep(session(host.clock.now(), 'ASIANEXT00000000001'), key);
    await state.close();
    expect(await restored(await host.start())).toBe('ASIANEXT00000000001');
    expect(host.codes).toEqual([code, 'state is stored again']);
  });

  const tokenCode: Readonly<Record<string, string>> = { 'of another version': 'STATE_DAMAGED' };
  test.each(Object.entries(spoilt))('token key: %s', async (kind, [spoil, code]) => {
    const host = await keptHost();
    const file = path.join(host.directory, 'metadata-token-key');
    const { tokenKey: before } = await host.start();
    await spoil(file);
    const state = await host.start();
    expect(host.codes[0]).toBe(tokenCode[kind] ?? code);
    expect(state.tokenKey).toHaveLength(32);
    expect(state.tokenKey.equals(before)).toBe(false);
    await state.close();
    if (kind === 'a directory') return;
    expect((await host.start()).tokenKey).toEqual(state.tokenKey);
  });

  test.each([(text: string) => `x${text}`, (text: string) => `${text}x`])(
    'token key: with more before or behind it',
    async (changed) => {
      const host = await keptHost();
      const file = path.join(host.directory, 'metadata-token-key');
      const { tokenKey: before } = await host.start();
      await writeFile(file, changed(await readFile(file, 'latin1')));
      expect((await host.start()).tokenKey.equals(before)).toBe(false);
      expect(host.codes).toEqual(['STATE_DAMAGED']);
    },
  );

  const canGiveAway = process.getuid?.() === 0;
  if (!canGiveAway) process.stderr.write('left out: files of another user: only root can make some\n');
  test.runIf(canGiveAway)('files of another user', async () => {
    const host = await keptHost();
    await chown(await sessionFile(host), 12_345, 12_345);
    await chown(path.join(host.directory, 'metadata-token-key'), 12_345, 12_345);
    expect(await restored(await host.start())).toBeUndefined();
    expect(host.codes.filter((code) => code === 'STATE_FOREIGN')).toHaveLength(2);
  });
});

describe('a directory', () => {
  test.each([0o777, 0o770, 0o720, 0o702])(
    'that others can write to (%o) is not used until that changes',
    async (mode) => {
      const host = await keptHost();
      await chmod(host.directory, mode);
      const state = await host.start();
      expect([await restored(state), host.codes]).toEqual([undefined, ['STATE_EXPOSED']]);
      await chmod(host.directory, 0o700);
      expect(await restored(state)).toBe('ASIAEXAMPLE000000001');
      await host.clock.advance(MINUTE);
      await expect.poll(() => host.codes).toEqual(['STATE_EXPOSED', 'state is stored again']);
      await state.close();
    },
  );

  test('that others can list is used, as systemd creates it', async () => {
    const host = await keptHost();
    await chmod(host.directory, 0o755);
    expect(await restored(await host.start())).toBe('ASIAEXAMPLE000000001');
  });

  test('that disappears is created again', async () => {
    const host = await keptHost();
    const state = await host.start();
    await rm(host.directory, { recursive: true });
    expect(await restored(state)).toBeUndefined();
    state.session(role).keep(session(host.clock.now()), key);
    await state.close();
    expect(await restored(await host.start())).toBe('ASIAEXAMPLE000000001');
    expect(host.lines).toEqual([]);
  });

  test('whose name is a file is logged once, and retried every minute', async () => {
    const host = new Host(await freshDirectory());
    await writeFile(host.directory, '', { mode: 0o600 });
    const state = await host.start();
    state.session(role).keep(session(host.clock.now()), key);
    await expect.poll(() => host.codes).toEqual(['STATE_FOREIGN', 'STATE_NOT_WRITTEN']);
    await host.clock.advance(10 * MINUTE);
    expect(host.codes).toHaveLength(2);
    await rm(host.directory);
    await expect
      .poll(async () => {
        await host.clock.advance(MINUTE);
        return host.codes.at(-1);
      })
      .toBe('state is stored again');
    expect(host.lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'info']);
    await state.close();
    expect((await host.start()).tokenKey).toEqual(state.tokenKey);
    expect(await restored(await host.start())).toBe('ASIAEXAMPLE000000001');
  });

  test('loses old sessions and interrupted writes after a grant', async () => {
    const host = await keptHost();
    const old = [`session-${'a'.repeat(32)}`, `session-${'b'.repeat(32)}.c0ffee.tmp`];
    const others = ['of-somebody-else', `session-${'a'.repeat(32)}.pem`, `my-session-${'a'.repeat(32)}`];
    const usable = [`session-${'c'.repeat(32)}`, `session-${'d'.repeat(32)}.c0ffee.tmp`];
    const write = async (name: string, hours: number): Promise<void> => {
      const then = new Date(host.clock.now() - hours * HOUR);
      await writeFile(path.join(host.directory, name), '');
      await utimes(path.join(host.directory, name), then, then);
    };
    for (const name of [...old, ...others]) await write(name, 13.1);
    for (const name of usable) await write(name, 12.9);
    const state = await host.start();
    state.session(role).keep(session(host.clock.now()), key);
    await state.close();
    await expect.poll(async () => (await readdir(host.directory)).filter((name) => old.includes(name))).toEqual([]);
    const left = await readdir(host.directory);
    expect(left).toEqual(expect.arrayContaining([...others, ...usable]));
    // With the token key and the session of the role.
    expect(left).toHaveLength(7);
  });

  test('of several daemons is never torn: every reader gets one complete session', async () => {
    const directory = await freshDirectory();
    const hosts = Array.from({ length: 3 }, () => new Host(directory));
    const states = await Promise.all(hosts.map((host) => host.start()));
    let reads = 0;
    const writing = states.map(async (state, number) => {
      for (let round = 0; round < 20; round += 1) {
        state.session(role).keep(session(hosts[0]?.clock.now() ?? 0, `ASIA${number}ROUND${round}`), key);
        await new Promise(setImmediate);
      }
      await state.close();
    });
    const reader = new Host(directory);
    const state = await reader.start();
    const unfinished = new Set(writing);
    for (const each of writing) void each.then(() => unfinished.delete(each));
    while (unfinished.size > 0) {
      const found = await restored(state);
      if (found !== undefined) {
        reads += 1;
        expect(found).toMatch(/^ASIA[0-2]ROUND\d+$/);
      }
    }
    expect(reads).toBeGreaterThan(0);
    expect([...hosts, reader].flatMap(({ lines }) => lines)).toEqual([]);
    expect(await restored(state)).toMatch(/ROUND19$/);
    expect(await readdir(directory)).toHaveLength(2);
  });
});
