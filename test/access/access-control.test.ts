import { Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { AccessControl, type Denial } from '../../src/access/access-control.ts';
import type { Accounts } from '../../src/access/access-rule.ts';
import type { Peer, PeerUsers } from '../../src/access/peer-user.ts';
import type { Config, RoleConfig } from '../../src/config/config.ts';
import type { EndpointKind } from '../../src/endpoints/listener.ts';
import { MINUTE, recordingLog } from '../sessions/support.ts';
import { configOf, roleOf } from '../support/configuration.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const open = roleOf('open');
const closed = roleOf('closed', { allow: { users: [1001], groups: [] } });

function config(...roles: readonly RoleConfig[]): Config {
  return configOf({ roles });
}

const NO_ACCOUNTS: Accounts = { user: () => Promise.resolve(undefined), group: () => Promise.resolve(undefined) };

/** Connections with users chosen by the test. As in reality, those of a socket have no address. */
function control(peers: Partial<PeerUsers> = {}, accounts: Accounts = NO_ACCOUNTS) {
  const users = new Map<Socket, number>();
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const looked: Socket[] = [];
  const denials: Denial[] = [];
  const named: [pid: number, uid: number][] = [];
  const look = (socket: Socket): Peer | undefined => {
    looked.push(socket);
    const uid = users.get(socket);
    return uid === undefined ? undefined : { uid, pid: uid + 1 };
  };
  const access = new AccessControl({
    clock,
    log,
    peerUsers: () => Promise.resolve({ tcp: look, unix: look, ...peers }),
    accounts,
    processName: (pid, uid) => (named.push([pid, uid]), `process ${pid}`),
  });
  access.onDenied((denial) => denials.push(denial));
  const connection = (uid?: number): Socket => {
    const socket = new Socket();
    if (uid !== undefined) users.set(socket, uid);
    access.connected(socket);
    return socket;
  };
  return { access, connection, users, looked, denials, named, lines, clock };
}

const OWN = process.geteuid?.() ?? -1;

describe('who may have a role', () => {
  test('that says allow: those, and nobody else, at every endpoint', async () => {
    const { access, connection } = control();
    await access.prepare(config(open, closed));
    for (const endpoint of ['imds', 'container', 'socket'] satisfies EndpointKind[]) {
      const may = (uid?: number): boolean | Promise<boolean> => access.admits(closed, endpoint, connection(uid));
      expect([await may(1001), await may(1002), await may(0), await may()]).toEqual([true, false, false, false]);
      expect(await access.admits(closed, endpoint, undefined)).toBe(false);
    }
  });

  test('that does not: everybody; at a socket that all can open, root and the own user', async () => {
    const { access, connection } = control();
    await access.prepare(config(open, closed));
    const may = (endpoint: EndpointKind, uid: number): boolean | Promise<boolean> =>
      access.admits(open, endpoint, connection(uid));
    expect([await may('imds', 1002), await may('container', 1002), await may('socket', 0)]).toEqual([true, true, true]);
    expect([await may('socket', OWN), await may('socket', 1002)]).toEqual([true, false]);
  });

  test('that does not, where nobody at a socket is known: who can open it, whatever else is looked up', async () => {
    const { access, connection } = control({ unix: undefined });
    await access.prepare({ ...config(open), socket: { path: '/s' }, audit: { to: 'stderr' } });
    expect(await access.admits(open, 'socket', connection())).toBe(true);
  });

  test('nobody is looked up as long as no role says allow', async () => {
    const { access, connection, looked } = control();
    await access.prepare(config(open));
    expect([
      await access.admits(open, 'imds', connection(1)),
      await access.admits(open, 'socket', connection(1)),
    ]).toEqual([true, true]);
    expect(looked).toEqual([]);
  });

  test('a connection is looked up once, when it comes', async () => {
    const { access, connection, users, looked } = control();
    await access.prepare(config(closed));
    const socket = connection(1001);
    users.delete(socket);
    expect([await access.admits(closed, 'imds', socket), await access.admits(closed, 'imds', socket)]).toEqual([
      true,
      true,
    ]);
    expect(looked).toEqual([socket]);
  });
});

test('a user who is admitted is admitted at once for a second, by the same rule', async () => {
  const { access, connection, clock } = control();
  await access.prepare(config(closed));
  const socket = connection(1001);
  expect(access.admits(closed, 'imds', socket)).toBeInstanceOf(Promise);
  await access.admits(closed, 'imds', socket);
  expect(access.admits(closed, 'imds', socket)).toBe(true);
  expect(access.admits(closed, 'imds', connection(1002))).toBeInstanceOf(Promise);
  expect(await access.admits({ ...closed, allow: { users: ['guest'], groups: [] } }, 'imds', socket)).toBe(false);
  await clock.advance(1_000);
  expect(access.admits(closed, 'imds', socket)).toBeInstanceOf(Promise);
});

test('a configuration that cannot be kept to is refused', async () => {
  const blind = control({ tcp: undefined });
  await expect(blind.access.prepare(config(closed))).rejects.toMatchObject({ code: 'ACCESS_CANNOT_BE_CHECKED' });
  await expect(blind.access.prepare(config(open))).resolves.toBeUndefined();
  const half = control({ unix: undefined });
  await expect(half.access.prepare(config(closed))).resolves.toBeUndefined();
  const onSocket = { ...config(closed), socket: { path: '/s' } };
  await expect(half.access.prepare(onSocket)).rejects.toMatchObject({ code: 'ACCESS_CANNOT_BE_CHECKED' });
});

test('names that nobody has are warned about', async () => {
  const { access, lines } = control();
  await access.prepare(config({ ...closed, allow: { users: ['typo'], groups: [] } }));
  expect(lines).toMatchObject([{ level: 'warn', fields: { role: 'closed', code: 'ACCESS_NAME_UNKNOWN' } }]);
});

test('the log has one line a minute for each user who is denied, and the observer is told as often', async () => {
  const { access, connection, lines, denials, clock } = control();
  await access.prepare(config(closed));
  const deny = (uid?: number): boolean | Promise<boolean> => access.admits(closed, 'imds', connection(uid));
  for (const uid of [1002, 1002, 1003, undefined, 1002]) await deny(uid);
  expect(lines.map(({ level, fields: { role, endpoint, uid, code } }) => [level, role, endpoint, uid, code])).toEqual(
    [1002, 1003, 'unknown'].map((uid) => ['warn', 'closed', 'imds', uid, 'ACCESS_DENIED']),
  );
  clock.step(MINUTE);
  await deny(1002);
  expect(lines).toHaveLength(4);
  const told = denials.map(({ role, endpoint, caller }) => [role, endpoint, caller?.uid, caller?.pid]);
  const [first, ...others] = [1002, 1003].map((uid) => ['closed', 'imds', uid, uid + 1]);
  expect(told).toEqual([first, ...others, ['closed', 'imds', undefined, undefined], first]);
});

test('a process is looked at when it connects: its number may be of another one later', async () => {
  const { access, connection, named } = control();
  await access.prepare(config(closed));
  const socket = connection(1001);
  expect(named).toEqual([[1002, 1001]]);
  expect(access.callerOf(socket)?.process).toBe('process 1002');
  expect(named).toHaveLength(1);
});

describe('a directory service that fails', () => {
  const byName: RoleConfig = { ...open, name: 'named', allow: { users: ['app', 1002], groups: [] } };
  const down = { user: () => Promise.reject(new Error('no answer')), group: () => Promise.resolve(undefined) };

  test('is no unknown name, and no plain denial', async () => {
    const { access, connection, lines, denials } = control({}, down);
    await access.prepare(config(byName));
    expect(await access.admits(byName, 'imds', connection(1001))).toBe(false);
    expect(lines.map(({ fields }) => fields['code'])).toEqual(['ACCESS_LOOKUP_FAILED', 'ACCESS_LOOKUP_FAILED']);
    expect(denials).toHaveLength(1);
  });

  test('is not asked about users that allow has by number', async () => {
    const { access, connection } = control({}, down);
    await access.prepare(config(byName));
    expect(await access.admits(byName, 'imds', connection(1002))).toBe(true);
  });
});

test('a clock that is set back does not silence denials', async () => {
  const { access, connection, lines, clock } = control();
  await access.prepare(config(closed));
  const deny = (): boolean | Promise<boolean> => access.admits(closed, 'imds', connection(1002));
  await deny();
  clock.step(-60 * MINUTE);
  await deny();
  expect(lines).toHaveLength(2);
});

describe('the user of a connection', () => {
  const at = (address: string | undefined): Socket => {
    const socket = new Socket();
    Object.defineProperty(socket, 'remoteAddress', { value: address });
    return socket;
  };

  test('is looked up over TCP where it has an address, else at the socket', async () => {
    const { access } = control({ tcp: () => ({ uid: 1 }), unix: () => ({ uid: 2 }) });
    await access.prepare(config(closed));
    expect(access.callerOf(at('127.0.0.1'))).toEqual({ uid: 1 });
    expect(access.callerOf(at(undefined))).toEqual({ uid: 2 });
  });

  test('has no process where its number is unknown, or nobody has a name for it', async () => {
    const { access, named } = control({ tcp: () => ({ uid: 1 }) });
    await access.prepare(config(closed));
    expect(Object.keys(access.callerOf(at('127.0.0.1')) ?? {})).toEqual(['uid']);
    expect(named).toEqual([]);
    const nameless = new AccessControl({
      clock: new VirtualClock(),
      log: () => undefined,
      peerUsers: () => Promise.resolve({ tcp: () => ({ uid: 1, pid: 7 }), unix: undefined }),
      accounts: NO_ACCOUNTS,
      processName: () => undefined,
    });
    await nameless.prepare(config(closed));
    expect(Object.keys(nameless.callerOf(at('127.0.0.1')) ?? {})).toEqual(['uid', 'pid']);
    // Without a listener for denials.
    expect(await nameless.admits(closed, 'imds', at('127.0.0.1'))).toBe(false);
  });

  test('at a socket may have an open role where it is root or the daemon’s own, whoever that is', async () => {
    const { access, connection, lines } = control();
    await access.prepare(config(open, closed));
    const spy = vi.spyOn(process, 'geteuid').mockReturnValue(1234);
    const may = [0, 1234, OWN, 1235].map((uid) => access.admits(open, 'socket', connection(uid)));
    spy.mockRestore();
    expect(may).toEqual([true, true, OWN === 0 || OWN === 1234, false]);
    const denied = { role: 'open', endpoint: 'socket', uid: 1235, error: 'user 1235 may not have role open' };
    expect(lines.at(-1)).toMatchObject({ level: 'warn', message: 'access denied', fields: denied });
  });
});

describe('what the log says', () => {
  const named: RoleConfig = { ...open, name: 'named', allow: { users: ['app'], groups: [] } };

  test('of names', async () => {
    const { access, lines } = control();
    await access.prepare(config(named));
    expect(lines).toMatchObject([{ message: 'access', fields: { role: 'named', error: 'there is no user app' } }]);
  });

  test('of a directory that fails: why', async () => {
    const down = { user: () => Promise.reject(new Error('no answer')), group: () => Promise.resolve(undefined) };
    const { access, connection, lines } = control({}, down);
    await access.prepare(config(named));
    await access.admits(named, 'imds', connection(1001));
    expect(lines.map(({ fields }) => JSON.stringify(fields))).toEqual([
      expect.stringMatching(/user app cannot be looked up.*no answer/) as string,
      expect.stringMatching(/cannot determine whether user 1001 may have role named.*no answer/) as string,
    ]);
  });

  test('of roles that cannot be checked: all their names', async () => {
    const blind = control({ tcp: undefined });
    await expect(blind.access.prepare(config(closed, open, named))).rejects.toThrow(
      'the users of clients of closed, named cannot be determined here',
    );
  });
});
