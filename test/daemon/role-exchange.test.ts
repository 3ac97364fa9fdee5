import { expect, test } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { roleExchange } from '../../src/daemon/role-exchange.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import type { State } from '../../src/state/state.ts';
import { grantedSession, someIdentity } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ROLE: RoleConfig = {
  name: 'device',
  roleArn: 'arn:aws:iam::123456789012:role/Device',
  profileArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/1',
  trustAnchorArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/1',
  sessionDuration: 3_600,
  roleSessionName: 'before',
};

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
