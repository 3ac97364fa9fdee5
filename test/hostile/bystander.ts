import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { ServedEndpoint } from './served-endpoint.ts';

const PROCESS = path.resolve(import.meta.dirname, '../../test/hostile/bystander-process.mjs');

/** The results of a well-behaved client during a flood. */
export interface Experience {
  readonly answers: number;
  /** Failures by kind, with their number. */
  readonly failures: Readonly<Record<string, number>>;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

/** Runs one during `trouble`. */
export async function experienceDuring(
  { port, role }: ServedEndpoint,
  trouble: () => Promise<unknown>,
): Promise<Experience> {
  const bystander = fork(PROCESS, [String(port), role], { execArgv: [] });
  try {
    await once(bystander, 'message');
    await trouble();
    bystander.send('stop');
    const [experience] = (await once(bystander, 'message')) as [Experience];
    return experience;
  } finally {
    await end(bystander);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}
