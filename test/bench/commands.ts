import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { RunningEmulator, Workshop } from '../support/workshop.ts';
import { BUILT, exchangeFlags } from './contenders.ts';
import { interleaved, type Measurement, type Row } from './row.ts';

const ROUNDS = 15;

interface Command {
  readonly name: `${'' | 'packaged ' | 'other '}${'cold' | 'kept' | 'socket'}` | 'curl' | 'node' | 'helper';
  readonly words: readonly string[];
}

const TITLES = {
  cold: 'credential-process, new session',
  kept: 'credential-process, cached session',
  socket: "credential-process on the daemon's socket",
  'packaged cold': 'credential-process, new session; packaged',
  'packaged kept': 'credential-process, cached session; packaged',
  'packaged socket': "credential-process on the daemon's socket; packaged",
  curl: "curl on the daemon's socket",
} as const;

/** The programs to compare. */
interface Programs {
  readonly helper: string | undefined;
  readonly packaged: readonly string[];
  readonly other: readonly string[] | undefined;
}

/** `credential_process` in each of its forms, from its start to its end. `node -e 0` is the minimum for Node. */
export function commandMeasurement(workshop: Workshop, emulator: RunningEmulator, programs: Programs): Measurement {
  return {
    key: 'process',
    rounds: ROUNDS,
    measure: async (rounds) => {
      const socket = path.join(workshop.directory, 'bench.sock');
      const config = await workshop.write('socket.yaml', `${emulator.config}socket: { path: ${socket} }\n`);
      const daemon = workshop.start(['serve', config]);
      await daemon.says(/role session granted/);
      const commands = commandsOf(exchangeFlags(emulator), socket, programs);
      for (const command of commands) await wallMs(command, workshop.directory);
      const times = await interleaved(commands, rounds, (command) => wallMs(command, workshop.directory));
      await daemon.stop();
      return Object.entries(TITLES).flatMap(([name, title]): readonly Row[] => {
        const ours = times.get(name);
        const samples = {
          node: times.get('node') ?? [],
          helper: times.get('helper') ?? [],
          other: times.get(`other ${name}`) ?? [],
        };
        return ours ? [{ title, unit: 'ms', samples: { ours, ...samples } }] : [];
      });
    },
  };
}

function commandsOf(
  flags: readonly string[],
  socket: string,
  { helper, packaged, other }: Programs,
): readonly Command[] {
  const ownCommands = (program: readonly string[], kind: '' | 'packaged ' | 'other '): readonly Command[] => {
    const own = [...program, 'credential-process'];
    return [
      { name: `${kind}cold`, words: [...own, ...flags, '--no-cache'] },
      { name: `${kind}kept`, words: [...own, ...flags] },
      { name: `${kind}socket`, words: [...own, '--socket', socket] },
    ];
  };
  const url = 'http://localhost/v1/credential-process/device';
  return [
    ...ownCommands(BUILT, ''),
    ...ownCommands(packaged, 'packaged '),
    ...(other ? ownCommands(other, 'other ') : []),
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
