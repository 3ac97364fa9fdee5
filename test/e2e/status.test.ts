import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { eventually, type Outcome, PROGRAM, run } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;
let socket: string;
let config: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  socket = path.join(workshop.directory, 'admin.sock');
  config = `${onFreePort(emulator.config)}\nadmin: { socket: '${socket}' }\n`;
  return workshop.close;
});

const faults = async (createSession: object): Promise<void> => {
  await fetch(`${emulator.url}/_emulator/faults`, { method: 'PUT', body: JSON.stringify({ createSession }) });
};

const statusUntil = async (code: number): Promise<Outcome> =>
  eventually(`exit code ${code}`, 20_000, async () => {
    const outcome = await run(['status', '--socket', socket]);
    return outcome.code === code ? outcome : undefined;
  });

async function answering(body: string, status = 200): Promise<string> {
  const server: Server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('status', () => {
  test('shows a daemon without a session, with code 2, then a ready one, with code 0', async () => {
    await faults({ status: 403 });
    const { program } = await workshop.daemon(config);
    const { stdout } = await statusUntil(2);
    expect(stdout).toContain('not ready');
    await fetch(`${emulator.url}/_emulator/faults`, { method: 'DELETE' });
    process.kill(program.pid, 'SIGHUP');
    const ready = await statusUntil(0);
    expect(ready.stdout).toMatch(/^imds-anywhere \S+: ready, up /);
    expect(ready.stdout).not.toContain('\x1b');
    const file = await workshop.write('status-config.yaml', config);
    const { code, stdout: text } = await run(['status', '--config', file, '--json']);
    expect([code, JSON.parse(text)]).toEqual([0, expect.objectContaining({ schema: 1, readiness: 'ready' })]);
    const watching = workshop.start(['status', '--socket', socket, '--watch']);
    await watching.says(/: ready,[^]*: ready,/);
    await program.stop();
    await watching.says(/DAEMON_UNREACHABLE/);
  });

  test('a watch ends when its reader exits', async () => {
    const url = await answering('{"schema":2}');
    const script = '"$0" "$1" status --url "$2" --watch | head -n 1; echo "exit code ${PIPESTATUS[0]}"';
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script, process.execPath, PROGRAM, url]);
    expect([stdout, stderr]).toEqual([expect.stringMatching(/^DAEMON_UNREACHABLE[^\n]*\nexit code 0\n$/), '']);
  });

  test.each([
    ['nobody', () => Promise.resolve(['--socket', path.join(workshop.directory, 'none.sock')])],
    ['something else', async () => ['--url', await answering('<html>')]],
    ['another schema', async () => ['--url', await answering('{"schema":2}')]],
    ['a refusal', async () => ['--url', await answering('{"schema":1}', 403)]],
  ])('%s there is code 3', async (_, args) => {
    const { code, stderr, stdout } = await run(['status', ...(await args())]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toContain('DAEMON_UNREACHABLE');
  });

  test('a configuration without an address of admin, two places, or an invalid address is a usage error', async () => {
    const file = await workshop.write('without.yaml', emulator.config);
    const { code, stderr } = await run(['status', '--config', file]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('ADMIN_NOT_CONFIGURED')]);
    const anyPort = await workshop.write('any-port.yaml', `${emulator.config}\nadmin: { listen: 127.0.0.1:0 }\n`);
    expect(await run(['status', '--config', anyPort])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ADMIN_PORT_UNKNOWN') as string,
    });
    expect((await run(['status', '--url', 'http://127.0.0.1:1', '--socket', 'x'])).code).toBe(2);
    expect((await run(['status', '--url', 'ftp://x'])).code).toBe(2);
  });
});
