import { execFile } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSessionCalls } from '../soak/emulator-control.ts';
import { eventually } from '../support/program.ts';
import { RawConnection } from '../support/raw-http.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';
import { exchange } from './exchange.ts';
import { credentialRequest, ServedEndpoint } from './served-endpoint.ts';

let workshop: Workshop;
beforeEach(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function opened(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
  sockets.push(socket);
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
}

async function anotherCall({ url }: RunningEmulator): Promise<void> {
  const { total } = await createSessionCalls(url);
  await eventually('another call', 20_000, async () =>
    (await createSessionCalls(url)).total > total ? true : undefined,
  );
}

// Reads the limit from /proc.
describeWith('/proc', process.platform === 'linux', 'a daemon with few descriptors', () => {
  it('leaves descriptors for renewals during a flood', async () => {
    const emulator = await workshop.emulator('--grant-seconds', '6');
    const endpoint = await ServedEndpoint.open(workshop, { emulator, openFiles: 200 });
    for (let count = 0; count < 300; count += 1) await opened(endpoint.port);
    await anotherCall(emulator);
    expect(endpoint.size().descriptors).toBeLessThan(128);
    await endpoint.check();
    expect(endpoint.codes).toContain('ENDPOINT_CONNECTIONS_EXHAUSTED');
    expect(endpoint.codes).not.toContain('TOO_MANY_OPEN_FILES');
  });
});

describeWith('prlimit', hasTool('prlimit', '--version'), 'a daemon with no descriptor left', () => {
  it('serves existing connections, logs a remedy, and recovers', async () => {
    const emulator = await workshop.emulator('--grant-seconds', '6');
    const endpoint = await ServedEndpoint.open(workshop, { emulator });
    const kept = await RawConnection.open(endpoint.port);
    const limitedTo = async (descriptors: number): Promise<unknown> =>
      promisify(execFile)('prlimit', ['--pid', String(endpoint.pid), `--nofile=${descriptors}:`]);

    await limitedTo(1);
    const said = await eventually('the reason', 20_000, () =>
      endpoint.log.find(({ code }) => code === 'TOO_MANY_OPEN_FILES'),
    );
    expect(said['remedy']).toContain('LimitNOFILE');
    kept.send(credentialRequest(endpoint.token, endpoint.role));
    expect([200, 503]).toContain((await kept.read()).status);
    // New connections are closed or wait. They must not end the process.
    await Promise.all([opened(endpoint.port), opened(endpoint.port)]);

    await limitedTo(1_000);
    await anotherCall(emulator);
    await eventually('a session for newcomers', 20_000, async () =>
      (await exchange(endpoint.port, credentialRequest(endpoint.token, endpoint.role))).startsWith('HTTP/1.1 200')
        ? true
        : undefined,
    );
    await endpoint.check();
    kept.destroy();
  });
});
