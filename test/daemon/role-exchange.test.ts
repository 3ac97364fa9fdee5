import { expect, test } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { roleExchange } from '../../src/daemon/role-exchange.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import type { State } from '../../src/state/state.ts';
import { grantedSession, someIdentity } from '../sessions/support.ts';
import { roleOf } from '../support/configuration.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ROLE = roleOf('Device', { roleSessionName: 'before' });

test('a session is kept for the role it was asked for, also when that is another by the time it comes', async () => {
  const clock = new VirtualClock();
  const kept: unknown[] = [];
  const session = ({ roleSessionName }: Partial<RoleConfig>) => ({ keep: () => kept.push(roleSessionName) });
  let configured = ROLE;
  let grant: (session: RoleSession) => void = () => undefined;
  const exchange = roleExchange(ROLE, () => configured, {
    call: () => () => new Promise((resolve) => (grant = resolve)),
    rollover: { within: (call) => call },
    state: { session } as unknown as State,
    exchanged: () => undefined,
    clock,
  });
  const exchanged = exchange(someIdentity, new AbortController().signal);
  configured = { ...ROLE, roleSessionName: 'after' };
  grant(grantedSession(clock.now()));
  await exchanged;
  expect(kept).toEqual(['before']);
});
