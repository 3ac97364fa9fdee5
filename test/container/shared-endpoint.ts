import { onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { ContainerEndpointParts } from '../../src/container/container-endpoints.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import type { OpenListener } from '../../src/endpoints/listen.ts';
import type { SharedEndpoint } from '../../src/endpoints/shared-endpoints.ts';
import { roleSession } from '../imds/endpoint.ts';
import { recordingLog } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const ROLE = 'uploader';

interface Daemon {
  readonly parts: ContainerEndpointParts;
  readonly asked: readonly string[];
  readonly answered: readonly string[];
  readonly connected: readonly unknown[];
  readonly lines: ReturnType<typeof recordingLog>['lines'];
}

/** What the daemon gives an endpoint, with what was asked and answered. It admits a user until the first answer. */
export function daemon(): Daemon {
  const asked: string[] = [];
  const answered: string[] = [];
  const connected: unknown[] = [];
  const clock = new VirtualClock(Date.now());
  const { log, lines } = recordingLog();
  const parts: ContainerEndpointParts = {
    roles: () => [
      {
        name: ROLE,
        roleArn: `arn:aws:iam::123456789012:role/${ROLE}`,
        session: { current: () => roleSession(1, clock), waitForFirst: () => Promise.resolve() },
      },
    ],
    admits: (role, kind, connection) => {
      asked.push(`${kind} ${role} ${typeof connection}`);
      return answered.length === 0;
    },
    limits: serverLimits,
    answered: (kind, { method }, { status }) => answered.push(`${kind} ${method} ${status}`),
    connected: (connection) => connected.push(connection),
    clock,
    log,
  };
  return { parts, asked, answered, connected, lines };
}

/** Listens until the test ends. */
export async function opened(endpoint: SharedEndpoint, config: Config): Promise<OpenListener> {
  const listener = await endpoint.wanted(config)?.open();
  if (!listener) throw new Error('no endpoint is wanted');
  await endpoint.apply(config, listener);
  onTestFinished(async () => {
    await listener.close();
    await endpoint.stop?.();
  });
  return listener;
}
