import { setTimeout as delay } from 'node:timers/promises';
import type { Contender } from './contenders.ts';
import type { Cores } from './cores.ts';
import { type Load, runLoad, type Target } from './load.ts';
import { cpuMicroseconds } from './process-cost.ts';
import { interleaved, type Measurement, type Row, type Samples } from './row.ts';
import { type RunningContender, withRunning } from './running.ts';

type Shape = Pick<Load, 'kind' | 'connections'>;

const SHAPES: Readonly<Record<string, Shape & { readonly title: string }>> = {
  read1: { kind: 'read', connections: 1, title: 'read, 1 connection' },
  read16: { kind: 'read', connections: 16, title: 'read, 16 connections' },
  read64: { kind: 'read', connections: 64, title: 'read, 64 connections' },
  token16: { kind: 'token', connections: 16, title: 'token, 16 connections' },
  flow1: { kind: 'flow', connections: 1, title: 'token, listing, document on a new connection' },
  flow16: { kind: 'flow', connections: 16, title: 'token, listing, document on new connections, 16 at a time' },
};

const ROUNDS = 10;
const ROUND_SECONDS = 1;
/** Until then V8 compiles, which takes a fifth of the CPU time of the first seconds. */
const WARM_UP_REQUESTS = 150_000;
const MOST_WARM_UPS = 20;
const REQUESTS_OF_FLOW = 3;
/** Time for work that the previous round left. */
const PAUSE_MS = 50;

/** CPU time of the server per request, and the 99th percentile of the latency. */
export function requestMeasurements(contenders: readonly Contender[], cores: Cores | undefined): Measurement[] {
  return Object.entries(SHAPES).map(([key, { title, ...shape }]) => ({
    key,
    rounds: ROUNDS,
    measure: (rounds) => {
      const able = contenders.filter(
        ({ name, isMetadataService }) =>
          name !== 'packaged' && (isMetadataService || shape.kind === 'read' || name === 'node'),
      );
      return withRunning(able, cores?.server, async (running) => {
        for (const { target } of running) await warmUp(target, shape, cores);
        return rowsOf(title, shape, await sampled(shape, running, rounds, cores));
      });
    },
  }));
}

async function warmUp(target: Target, shape: Shape, cores: Cores | undefined): Promise<void> {
  let answered = 0;
  for (let turn = 0; turn < MOST_WARM_UPS && answered < WARM_UP_REQUESTS; turn += 1)
    answered += (await runLoad(target, { ...shape, seconds: ROUND_SECONDS }, cores?.load)).requests;
}

interface Sampled {
  readonly cpu: ReadonlyMap<string, readonly number[]>;
  readonly p99: ReadonlyMap<string, readonly number[]>;
}

async function sampled(
  shape: Shape,
  running: readonly RunningContender[],
  rounds: number,
  cores: Cores | undefined,
): Promise<Sampled> {
  const p99 = new Map(running.map(({ name }) => [name, [] as number[]]));
  const cpu = await interleaved(running, rounds, async ({ name, pid, target }) => {
    await delay(PAUSE_MS);
    const before = cpuMicroseconds(pid);
    const { requests, p99Us } = await runLoad(target, { ...shape, seconds: ROUND_SECONDS }, cores?.load);
    p99.get(name)?.push(p99Us / 1_000);
    const answered = shape.kind === 'flow' ? requests / REQUESTS_OF_FLOW : requests;
    return (cpuMicroseconds(pid) - before) / answered;
  });
  return { cpu, p99 };
}

function rowsOf(title: string, { kind, connections }: Shape, { cpu, p99 }: Sampled): readonly Row[] {
  const { observed, ...samples } = Object.fromEntries(cpu) as Samples & { readonly observed?: readonly number[] };
  const withObservers = observed && samples.helper && { helper: samples.helper, ours: observed };
  const times = Object.fromEntries([...p99].filter(([name]) => name !== 'observed'));
  return [
    { title, unit: 'µs CPU', samples },
    ...(withObservers
      ? [{ title: `${title}; admin, audit and allow on`, unit: 'µs CPU' as const, samples: withObservers }]
      : []),
    ...(kind === 'read' && connections === 1 ? [{ title: `${title}: p99`, unit: 'ms' as const, samples: times }] : []),
  ];
}
