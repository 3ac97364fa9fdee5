import { once } from 'node:events';
import net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { dialled, established } from '../../src/rolesanywhere/connection.ts';
import { listening } from './support.ts';

const way = (target: string, proxy?: string): Parameters<typeof dialled>[0] => ({
  target: new URL(target),
  proxy: proxy === undefined ? undefined : { url: new URL(proxy), authorization: undefined },
  ca: undefined,
});

// Whether anything listens on these ports of this machine or not.
it.each([
  ['https://127.0.0.1/', undefined, 443],
  ['http://127.0.0.1/', undefined, 80],
  ['https://127.0.0.1:8443/', 'http://127.0.0.1', 80],
  ['http://127.0.0.1:8080/', 'https://127.0.0.1', 443],
])('%s through %s is dialled on port %i', async (target, proxy, port) => {
  const dial = dialled(way(target, proxy));
  onTestFinished(() => {
    dial.destroy();
  });
  const outcome: unknown = await once(dial, 'connect').catch((error: unknown) => error);
  expect(outcome instanceof Error ? outcome : { port: dial.remotePort }).toMatchObject({ port });
});

it('is not waited for after it was closed', async () => {
  const target = way(`http://127.0.0.1:${await listening(net.createServer())}/`);
  const dial = dialled(target);
  const reached = established(dial, target);
  dial.destroy();
  await expect(reached).rejects.toMatchObject({ code: 'ECONNRESET' });
});
