import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { ServedRoles } from '../../src/daemon/served-roles.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import { openImdsEndpoint } from '../../src/imds/imds-endpoint.ts';
import { SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { grantedSession, recordingLog, someIdentity } from '../sessions/support.ts';
import { roleOf } from '../support/configuration.ts';
import { freePort } from '../support/free-port.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const clock = new VirtualClock();
const { log } = recordingLog();

function roleAt(port: number, region: string): RoleConfig {
  return roleOf('device', { imds: { host: '127.0.0.1', port, allowedHosts: [], region } });
}

const keeper = (): SessionKeeper =>
  new SessionKeeper({
    createSession: () => Promise.resolve(grantedSession(clock.now())),
    identity: () => Promise.resolve(someIdentity),
    clock,
    random: () => 0.5,
    phase: 0.5,
    log,
  });

const endpointParts = {
  tokenKey: Buffer.alloc(32),
  limits: serverLimits,
  admits: () => true,
  connected: () => undefined,
  clock,
  log,
};

test('an endpoint frees its port at once, even during a request', async () => {
  const port = await freePort();
  const endpoint = await openImdsEndpoint(roleAt(port, 'eu-central-1'), { ...endpointParts, session: keeper() });
  const client = connect(port, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  await once(client, 'connect');
  client.write('GET /latest/meta-data/ HTTP/1.1\r\nHost: ');
  const closing = endpoint.close();
  const next = createServer().listen(port, '127.0.0.1');
  await once(next, 'listening');
  next.close();
  await closing;
});

test('an endpoint that changes at its port opens before the requests at the old one have ended', async () => {
  const events: string[] = [];
  let end: () => void = () => undefined;
  const requests = new Promise<void>((resolve) => (end = resolve));
  const roles = new ServedRoles({
    keeperFor: keeper,
    openEndpoint: ({ imds }) => {
      events.push(`open ${imds?.region ?? ''}`);
      const close = async (): Promise<void> => {
        events.push('close');
        await requests;
        events.push('closed');
      };
      return Promise.resolve({ url: 'http://127.0.0.1:9911', close });
    },
  });
  await roles.apply([roleAt(9_911, 'eu-central-1')]);
  const applied = roles.apply([roleAt(9_911, 'us-east-1')]);
  await expect.poll(() => events).toEqual(['open eu-central-1', 'close', 'open us-east-1']);
  end();
  await applied;
  expect(events.at(-1)).toBe('closed');
  await roles.stop();
});
