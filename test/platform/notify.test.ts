import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { loadLibc } from '../../src/platform/libc.ts';
import { notifyAt, unixAddress } from '../../src/platform/notify.ts';
import { watchdogMs } from '../../src/platform/service-report.ts';
import { recordingLog } from '../sessions/support.ts';
import { describeWith, hasTool } from '../support/tools.ts';

/** The service manager's end of the socket: receives one datagram and its sender. */
const RECEIVER = `
import os, socket, struct, sys
name = sys.argv[1]
end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
end.bind("\\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
data, about, _, _ = end.recvmsg(4096, 256)
print(struct.unpack("3i", about[0][2])[0], data.decode().split("\\n"), flush=True)
`;

const canReceive = hasTool('python3', '--version') && (await loadLibc()) !== undefined;

describeWith('python3 and koffi', canReceive, 'messages to the service manager', () => {
  it.each(['in a directory', 'in the abstract name space'])('%s', async (where) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-notify-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const name = where === 'in a directory' ? path.join(directory, 'notify') : `@imds-anywhere-test-${process.pid}`;
    const receiver = spawn('python3', ['-c', RECEIVER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    let heard = '';
    receiver.stdout.on('data', (text) => (heard += String(text)));
    await once(receiver.stdout, 'data');
    const notify = await notifyAt(name, recordingLog().log);
    expect(await notify('READY=1', 'STATUS=2 of 2')).toBe(true);
    await once(receiver, 'close');
    expect(heard).toBe(`bound\n${process.pid} ['READY=1', 'STATUS=2 of 2']\n`);
    expect(await notify('STOPPING=1')).toBe(false);
  });
});

test('uses systemd-notify for other kinds of addresses, and logs what that needs', async () => {
  const { log, lines } = recordingLog();
  const notify = await notifyAt('vsock:2:1234', log);
  expect(lines.map(({ fields }) => fields['code'])).toEqual(['SERVICE_MANAGER_BY_PROGRAM']);
  // There is no such machine, and no such program.
  expect(await notify('READY=1')).toBe(false);
});

describe('the address of a notify socket', () => {
  test('is a path with a zero byte at the end', () => {
    expect(unixAddress('/run/n')?.subarray(2)).toEqual(Buffer.from('/run/n\0'));
  });

  test('is a name in the abstract namespace without a zero byte at the end', () => {
    expect(unixAddress('@name')?.subarray(2)).toEqual(Buffer.from('\0name'));
  });

  test.each(['', 'vsock:2:3', 'relative', `/${'x'.repeat(200)}`])('is not %s', (text) => {
    expect(unixAddress(text)).toBeUndefined();
  });
});

test.each([
  [{ WATCHDOG_USEC: '30000000' }, 30_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 30_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }, undefined],
  [{ WATCHDOG_USEC: '0' }, undefined],
  [{ WATCHDOG_USEC: 'soon' }, undefined],
  [{}, undefined],
])('a watchdog of %j waits %s ms', (environment, ms) => {
  expect(watchdogMs(environment, 7)).toBe(ms);
});
