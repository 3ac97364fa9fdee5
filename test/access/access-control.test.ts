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

describe('access to a role', () => {
  test('with allow is limited to those users at every endpoint', async () => {
    const { access, connection } = control();
    await access.prepare(config(open, closed));
    for (const endpoint of ['imds', 'container', 'socket'] satisfies EndpointKind[]) {
      const may = (uid?: number): boolean | Promise<boolean> => access.admits(closed, endpoint, connection(uid));
      expect([await may(1001), await may(1002), await may(0), await may()]).toEqual([true, false, false, false]);
      expect(await access.admits(closed, endpoint, undefined)).toBe(false);
    }
  });

  test("without allow is open to everyone, but at an open socket only to root and the daemon's user", async () => {
    const { access, connection } = control();
    await access.prepare(config(open, closed));
    const may = (endpoint: EndpointKind, uid: number): boolean | Promise<boolean> =>
      access.admits(open, endpoint, connection(uid));
    expect([await may('imds', 1002), await may('container', 1002), await may('socket', 0)]).toEqual([true, true, true]);
    expect([await may('socket', OWN), await may('socket', 1002)]).toEqual([true, false]);
  });

  test('without allow is open to everyone who can open the socket if its users are unknown', async () => {
    const { access, connection } = control({ unix: undefined });
    await access.prepare({ ...config(open), socket: { path: '/s' }, audit: { to: 'stderr' } });
    expect(await access.admits(open, 'socket', connection())).toBe(true);
  });

  test('no user is looked up while no role has allow', async () => {
    const { access, connection, looked } = control();
    await access.prepare(config(open));
    expect([
      await access.admits(open, 'imds', connection(1)),
      await access.admits(open, 'socket', connection(1)),
    ]).toEqual([true, true]);
    expect(looked).toEqual([]);
  });

  test('a connection is looked up once, when it is accepted', async () => {
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

test('an admitted user is admitted without a new lookup for a second', async () => {
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

test('rejects a configuration that it cannot enforce', async () => {
  const blind = control({ tcp: undefined });
  await expect(blind.access.prepare(config(closed))).rejects.toMatchObject({ code: 'ACCESS_CANNOT_BE_CHECKED' });
  await expect(blind.access.prepare(config(open))).resolves.toBeUndefined();
  const half = control({ unix: undefined });
  await expect(half.access.prepare(config(closed))).resolves.toBeUndefined();
  const onSocket = { ...config(closed), socket: { path: '/s' } };
  await expect(half.access.prepare(onSocket)).rejects.toMatchObject({ code: 'ACCESS_CANNOT_BE_CHECKED' });
});

test('warns about unknown names', async () => {
  const { access, lines } = control();
  await access.prepare(config({ ...closed, allow: { users: ['typo'], groups: [] } }));
  expect(lines).toMatchObject([{ level: 'warn', fields: { role: 'closed', code: 'ACCESS_NAME_UNKNOWN' } }]);
});

test('logs and reports each denied user once a minute', async () => {
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
  const reported = denials.map(({ role, endpoint, caller }) => [role, endpoint, caller?.uid, caller?.pid]);
  const [first, ...others] = [1002, 1003].map((uid) => ['closed', 'imds', uid, uid + 1]);
  expect(reported).toEqual([first, ...others, ['closed', 'imds', undefined, undefined], first]);
});

test('reads the process name at the connection, because its number can be reused later', async () => {
  const { access, connection, named } = control();
  await access.prepare(config(closed));
  const socket = connection(1001);
  expect(named).toEqual([[1002, 1001]]);
  expect(access.callerOf(socket)?.process).toBe('process 1002');
  expect(named).toHaveLength(1);
});

describe('a failing directory service', () => {
  const byName: RoleConfig = { ...open, name: 'named', allow: { users: ['app', 1002], groups: [] } };
  const down = { user: () => Promise.reject(new Error('no answer')), group: () => Promise.resolve(undefined) };

  test('is reported as a failure, not as an unknown name', async () => {
    const { access, connection, lines, denials } = control({}, down);
    await access.prepare(config(byName));
    expect(await access.admits(byName, 'imds', connection(1001))).toBe(false);
    expect(lines.map(({ fields }) => fields['code'])).toEqual(['ACCESS_LOOKUP_FAILED', 'ACCESS_LOOKUP_FAILED']);
    expect(denials).toHaveLength(1);
  });

  test('is not asked about users that allow names by number', async () => {
    const { access, connection } = control({}, down);
    await access.prepare(config(byName));
    expect(await access.admits(byName, 'imds', connection(1002))).toBe(true);
  });
});

test('logs denials after the clock is set back', async () => {
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

  test('is looked up over TCP if the connection has an address, otherwise at the socket', async () => {
    const { access } = control({ tcp: () => ({ uid: 1 }), unix: () => ({ uid: 2 }) });
    await access.prepare(config(closed));
    expect(access.callerOf(at('127.0.0.1'))).toEqual({ uid: 1 });
    expect(access.callerOf(at(undefined))).toEqual({ uid: 2 });
  });

  test('has no process if its number or name is unknown', async () => {
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

  test("may use an open role at a socket if it is root or the daemon's user", async () => {
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

describe('the log', () => {
  const named: RoleConfig = { ...open, name: 'named', allow: { users: ['app'], groups: [] } };

  test('names unknown users and groups', async () => {
    const { access, lines } = control();
    await access.prepare(config(named));
    expect(lines).toMatchObject([{ message: 'access', fields: { role: 'named', error: 'there is no user app' } }]);
  });

  test('states why the directory failed', async () => {
    const down = { user: () => Promise.reject(new Error('no answer')), group: () => Promise.resolve(undefined) };
    const { access, connection, lines } = control({}, down);
    await access.prepare(config(named));
    await access.admits(named, 'imds', connection(1001));
    expect(lines.map(({ fields }) => JSON.stringify(fields))).toEqual([
      expect.stringMatching(/user app cannot be looked up.*no answer/) as string,
      expect.stringMatching(/cannot determine whether user 1001 may have role named.*no answer/) as string,
    ]);
  });

  test('names all roles that cannot be checked', async () => {
    const blind = control({ tcp: undefined });
    await expect(blind.access.prepare(config(closed, open, named))).rejects.toThrow(
      'the users of clients of closed, named cannot be determined here',
    );
  });
});

describe('a user who is looked up in the background', () => {
  const later = (users: ReadonlyMap<Socket, number>) => {
    const open: (() => void)[] = [];
    const look = async (socket: Socket): Promise<Peer | undefined> => {
      await new Promise<void>((resolve) => open.push(resolve));
      const uid = users.get(socket);
      return uid === undefined ? undefined : { uid };
    };
    return {
      look,
      answer: () => {
        open.splice(0).forEach((go) => {
          go();
        });
      },
    };
  };

  test('is waited for, and known to the audit log afterwards', async () => {
    const users = new Map<Socket, number>();
    const { look, answer } = later(users);
    const { access } = control({ tcp: look, unix: look });
    await access.prepare(config(open, closed));
    const [permitted, denied] = [new Socket(), new Socket()];
    users.set(permitted, 1001).set(denied, 1002);
    for (const socket of [permitted, denied]) access.connected(socket);
    const admitted = [
      access.admits(closed, 'imds', permitted),
      access.admits(closed, 'imds', denied),
      access.admits(open, 'imds', denied),
    ];
    expect([permitted, denied].map((socket) => access.callerOf(socket))).toEqual([undefined, undefined]);
    answer();
    expect(await Promise.all(admitted.map((each) => Promise.resolve(each)))).toEqual([true, false, true]);
    expect([permitted, denied].map((socket) => access.callerOf(socket)?.uid)).toEqual([1001, 1002]);
    expect(access.admits(closed, 'imds', permitted)).toBe(true);
  });
});
