import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { eventually, PROGRAM } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

// On SIGUSR1, Node opens its inspector. Everyone who can connect to it can read the memory of the
// process.

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

interface Started {
  readonly child: ChildProcess;
  readonly inspectorPort: number;
  /** Whether the command is working. */
  readonly isRunning: () => boolean;
}

/** No other test listens on this loopback address, so none can take the port meanwhile. */
const INSPECTOR_HOST = '127.0.0.77';

const COMMANDS: Readonly<Record<string, (config: string) => readonly string[]>> = {
  serve: (config) => ['serve', config],
  update: (config) => ['update', '--config', config],
  'credential-process': (config) => ['credential-process', '--no-cache', '--config', config],
  emulate: () => ['emulate', '--dir', emulator.directory, '--listen', '127.0.0.1:0'],
};

async function started(command: string, nodeFlags: readonly string[] = []): Promise<Started> {
  const inspectorPort = await freePort();
  // An endpoint that never answers. A command that asks it has started, and runs for seconds.
  let asked = false;
  const silent = createServer(() => (asked = true)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const text = onFreePort(emulator.config.replaceAll(emulator.url, `http://127.0.0.1:${port}`));
  const args = COMMANDS[command]?.(await workshop.write(`${port}.yaml`, text)) ?? [];
  // Without a shell in between, which the signal would end.
  const child = spawn(
    process.execPath,
    [`--inspect-port=${INSPECTOR_HOST}:${inspectorPort}`, ...nodeFlags, PROGRAM, ...args],
    {
      env: { HOME: await mkdtemp(path.join(workshop.directory, 'home-')) },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  child.once('exit', () => silent.close());
  child.stdout.once('data', () => (asked = true));
  return { child, inspectorPort, isRunning: () => asked };
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, INSPECTOR_HOST);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** How long Node's threads may take to open the inspector after the last signal. */
const OPENING_MS = 50;
const STEP_MS = 5;
/** If the machine is so slow that no command has started by then, the rest works as before. */
const MOST_STEPS = 60;

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/**
 * Sends signals every 5 ms from `firstMs` after the start. @returns whether the command was running
 * before the first signal.
 */
async function signalled(command: string, firstMs: number): Promise<boolean> {
  const { child, inspectorPort, isRunning } = await started(command);
  try {
    await delay(firstMs);
    const wasRunning = isRunning();
    await eventually(`a running ${command}`, 30_000, () => {
      // Before Node installs its handler, the signal ends the process.
      if (child.signalCode === 'SIGUSR1') return true;
      expect(child.exitCode).toBeNull();
      child.kill('SIGUSR1');
      return isRunning() || undefined;
    });
    await delay(OPENING_MS);
    expect(await canConnect(inspectorPort), `inspector of ${command}, first signal after ${firstMs} ms`).toBe(false);
    return wasRunning;
  } finally {
    await ended(child);
  }
}

describe.concurrent('SIGUSR1 opens no inspector', () => {
  test.each(Object.keys(COMMANDS))(
    '%s, signalled from the start',
    async (command) => {
      for (let step = 0; step < MOST_STEPS; step += 1) if (await signalled(command, step * STEP_MS)) return;
    },
    240_000,
  );

  test('serve, signalled just before its first statement', async () => {
    const preload = await workshop.write('signal.cjs', "process.kill(process.pid, 'SIGUSR1');");
    const { child, inspectorPort, isRunning } = await started('serve', ['--require', preload]);
    try {
      await eventually('a running serve', 30_000, () => isRunning() || undefined);
      await delay(OPENING_MS);
      expect(await canConnect(inspectorPort)).toBe(false);
    } finally {
      await ended(child);
    }
  });

  test('an inspector that the user requested stays open', async () => {
    const { child, inspectorPort, isRunning } = await started('emulate', ['--inspect']);
    try {
      await eventually('a running emulate', 30_000, () => isRunning() || undefined);
      expect(await canConnect(inspectorPort)).toBe(true);
    } finally {
      await ended(child);
    }
  });
});
