import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openAdmin } from '../../src/admin/admin-listener.ts';
import { ExchangeHistory } from '../../src/admin/exchange-history.ts';
import { plain } from '../../src/admin/page.ts';
import { adminPages } from '../../src/admin/pages.ts';
import type { DaemonSnapshot } from '../../src/admin/snapshot.ts';
import type { AdminConfig } from '../../src/config/config.ts';
import { recordingLog } from '../sessions/support.ts';
import { type HeaderLines, rawExchange, requestBytes } from '../support/raw-http.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { granted, refused, roleSnapshot, snapshot } from './support.ts';

const calm = snapshot([roleSnapshot('uploader', granted)]);
const troubledSnapshot = snapshot([roleSnapshot('uploader', refused)]);

async function listener(config: Partial<AdminConfig>, seen: () => DaemonSnapshot = () => calm) {
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const pages = adminPages({
    snapshot: seen,
    history: new ExchangeHistory(),
    metrics: () => Promise.resolve(plain(200, 'metrics')),
  });
  const { addresses, close } = await openAdmin({ allowedHosts: [], ...config }, { pages, clock, log });
  onTestFinished(close);
  const port = Number(/:(\d+)$/.exec(addresses[0] ?? '')?.[1]);
  const ask = (target: string, headers: HeaderLines = [['Host', `127.0.0.1:${port}`]], method = 'GET') =>
    rawExchange(port, requestBytes(method, target, headers));
  return { ask, lines, addresses, close };
}

const LOOPBACK = { listen: { host: '127.0.0.1', port: 0 } };

test('logs the path of a request without its query, which may contain a secret', async () => {
  const { ask, lines } = await listener(LOOPBACK);
  await ask(`/livez?token=marked-secret`);
  await ask(`/${'x'.repeat(500)}`);
  const paths = lines.map(({ fields }) => String(fields['path']));
  expect([paths[0], paths[1]?.length]).toEqual(['/livez', 200]);
});

describe('pages', () => {
  test('liveness, readiness and status', async () => {
    const { ask } = await listener(LOOPBACK);
    expect(await ask('/livez')).toMatchObject({ status: 200, body: 'alive\n' });
    expect(await ask('/readyz?verbose')).toMatchObject({
      status: 200,
      body: 'ready: 1 of 1 role fresh; next renewal 12:24 UTC\n',
    });
    const { headers, body } = await ask('/status');
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    expect(JSON.parse(body)).toMatchObject({
      readiness: 'ready',
      summary: '1 of 1 role fresh; next renewal 12:24 UTC',
    });
  });

  test('answers readiness with 503 and the reason, and liveness with 200', async () => {
    const { ask } = await listener(LOOPBACK, () => troubledSnapshot);
    const { status, body } = await ask('/readyz');
    expect([status, body]).toEqual([
      503,
      expect.stringContaining('not_ready: 0 of 1 role fresh; uploader: no session'),
    ]);
    expect((await ask('/livez')).status).toBe(200);
  });

  test('answers HEAD without a body and rejects other methods and paths', async () => {
    const { ask } = await listener(LOOPBACK);
    expect(await ask('/livez', undefined, 'HEAD')).toMatchObject({ status: 200, body: '' });
    expect((await ask('/livez', undefined, 'POST')).status).toBe(405);
    expect((await ask('/latest/meta-data/')).status).toBe(404);
    expect((await ask('/constructor')).status).toBe(404);
  });

  test('answers a defect with 503 and logs it', async () => {
    const { ask, lines } = await listener(LOOPBACK, () => {
      throw new Error('broken');
    });
    expect((await ask('/status')).status).toBe(503);
    expect(lines).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ code: 'ENDPOINT_INTERNAL' }) as object }),
    );
  });
});

describe('the guard', () => {
  test.each([
    ['another Host', 'ENDPOINT_HOST_REFUSED', [['Host', 'evil.example']]],
    ['no Host', 'ENDPOINT_REQUEST_MALFORMED', []],
    [
      'an Origin',
      'ENDPOINT_BROWSER_REFUSED',
      [
        ['Host', 'localhost'],
        ['Origin', 'http://evil.example'],
      ],
    ],
    [
      'a page of another site',
      'ENDPOINT_BROWSER_REFUSED',
      [
        ['Host', 'localhost'],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
    ],
  ] as const)('refuses %s', async (_, code, headers) => {
    const { ask, lines } = await listener(LOOPBACK);
    expect((await ask('/status', headers)).status).toBe(code === 'ENDPOINT_REQUEST_MALFORMED' ? 400 : 403);
    expect(lines.find(({ level }) => level === 'warn')?.fields['code']).toBe(code);
  });

  test('accepts the host names that the operator lists', async () => {
    const { ask } = await listener({ ...LOOPBACK, allowedHosts: ['closet-17.example'] });
    expect((await ask('/livez', [['Host', 'closet-17.example']])).status).toBe(200);
  });

  test('answers data other than HTTP and closes the connection', async () => {
    const { addresses } = await listener(LOOPBACK);
    const port = Number(new URL(addresses[0] ?? '').port);
    expect((await rawExchange(port, 'nonsense\r\n\r\n')).status).toBe(400);
  });
});

describe('a Unix socket', () => {
  const place = async (): Promise<string> => {
    const directory = await mkdtemp(path.join(tmpdir(), 'admin-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    return path.join(directory, 'admin.sock');
  };

  const livez = (socketPath: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request({ socketPath, path: '/livez' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  test('answers its own user and group, and is removed with its listener', async () => {
    const socket = await place();
    const { addresses, close } = await listener({ socket });
    expect(addresses).toEqual([socket]);
    expect(((await stat(socket)).mode & 0o777).toString(8)).toBe('660');
    expect(await livez(socket)).toBe(200);
    await close();
    await expect(stat(socket)).rejects.toThrow('ENOENT');
  });

  test('replaces the socket of a killed daemon', async () => {
    const socket = await place();
    const script = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
    expect(() => execFileSync(process.execPath, ['--eval', script])).toThrow();
    expect((await stat(socket)).isSocket()).toBe(true);
    await listener({ socket });
    expect(await livez(socket)).toBe(200);
  });

  test('keeps a socket that is in use and a file that is not a socket', async () => {
    const socket = await place();
    const other = createServer().listen(socket);
    await once(other, 'listening');
    await expect(listener({ socket })).rejects.toMatchObject({ code: 'ADMIN_CANNOT_LISTEN' });
    other.close();
    await once(other, 'close');
    await writeFile(socket, 'precious');
    await expect(listener({ socket })).rejects.toMatchObject({ code: 'ADMIN_CANNOT_LISTEN' });
    expect((await stat(socket)).size).toBe(8);
  });

  test('closes the first listener if the second cannot open', async () => {
    const socket = await place();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    await writeFile(socket, 'precious');
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(listener({ listen: { host: '127.0.0.1', port } })).rejects.toMatchObject({
      code: 'ADMIN_CANNOT_LISTEN',
    });
    await expect(listener({ ...LOOPBACK, socket })).rejects.toMatchObject({ code: 'ADMIN_CANNOT_LISTEN' });
  });
});
