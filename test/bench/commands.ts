import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { PROGRAM } from '../support/program.ts';
import type { RunningEmulator, Workshop } from '../support/workshop.ts';
import { exchangeFlags } from './contenders.ts';
import { interleaved, type Measurement, type Row } from './row.ts';

const ROUNDS = 15;

interface Command {
  readonly name: 'cold' | 'kept' | 'socket' | 'curl' | 'node' | 'helper';
  readonly words: readonly string[];
}

const TITLES = {
  cold: 'credential-process, new session',
  kept: 'credential-process, cached session',
  socket: "credential-process on the daemon's socket",
  curl: "curl on the daemon's socket",
} as const;

/** `credential_process` in each of its forms, from its start to its end. `node -e 0` is the least that Node can do. */
export function commandMeasurement(workshop: Workshop, emulator: RunningEmulator, helper?: string): Measurement {
  return {
    key: 'process',
    rounds: ROUNDS,
    measure: async (rounds) => {
      const socket = path.join(workshop.directory, 'bench.sock');
      const config = await workshop.write('socket.yaml', `${emulator.config}socket: { path: ${socket} }\n`);
      const daemon = workshop.start(['serve', config]);
      await daemon.says(/role session granted/);
      const commands = commandsOf(exchangeFlags(emulator), socket, helper);
      for (const command of commands) await wallMs(command, workshop.directory);
      const times = await interleaved(commands, rounds, (command) => wallMs(command, workshop.directory));
      await daemon.stop();
      return Object.entries(TITLES).map(([name, title]): Row => {
        const samples = { ours: times.get(name) ?? [], node: times.get('node') ?? [] };
        return { title, unit: 'ms', samples: { ...samples, helper: times.get('helper') ?? [] } };
      });
    },
  };
}

function commandsOf(flags: readonly string[], socket: string, helper: string | undefined): readonly Command[] {
  const own = [process.execPath, PROGRAM, 'credential-process'];
  const url = 'http://localhost/v1/credential-process/device';
  return [
    { name: 'cold', words: [...own, ...flags, '--no-cache'] },
    { name: 'kept', words: [...own, ...flags] },
    { name: 'socket', words: [...own, '--socket', socket] },
    { name: 'curl', words: ['curl', '-sf', '--unix-socket', socket, url] },
    { name: 'node', words: [process.execPath, '-e', '0'] },
    ...(helper === undefined ? [] : [{ name: 'helper' as const, words: [helper, 'credential-process', ...flags] }]),
  ];
}

async function wallMs({ words: [program = '', ...args] }: Command, home: string): Promise<number> {
  const began = performance.now();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: home },
  });
  child.stdout.resume();
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return performance.now() - began;
}
