import { existsSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { portOwner } from '../../src/platform/port-owner.ts';

async function listening(host: string): Promise<number> {
  const server: Server = createServer().listen(0, host);
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

const hasProc = existsSync('/proc/net/tcp');
if (!hasProc) process.stderr.write('left out: who holds a port: this system has no /proc\n');

test.runIf(hasProc).each(['127.0.0.1', '0.0.0.0'])('names the process that listens on %s', async (host) => {
  expect(await portOwner(await listening(host))).toMatch(new RegExp(`^process ${process.pid} \\([ -~]+\\)$`));
});

test('returns nothing for a port without a listener', async () => {
  expect(await portOwner(0)).toBeUndefined();
});
