import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One core for the server under test and another for the load, so that they do not compete. */
export interface Cores {
  readonly server: number;
  readonly load: number;
}

/** Undefined if fewer than two cores are available, or no `taskset`. */
export function separateCores(): Cores | undefined {
  const list = /^Cpus_allowed_list:\s+(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  const cores = list.split(',').flatMap((part) => part.split('-').map(Number));
  const [server, load] = [Math.min(...cores), Math.max(...cores)];
  return server === load || spawnSync('taskset', ['--version']).error ? undefined : { server, load };
}

/** A command that runs on one core; anywhere if that is undefined. */
export function onCore(core: number | undefined, command: readonly string[]): readonly string[] {
  return core === undefined ? command : ['taskset', '--cpu-list', String(core), ...command];
}
