import { readdirSync, readFileSync } from 'node:fs';

// The resources that a process has used, as counted by the kernel. A busy machine changes wall time, but hardly CPU time.

/** CPU time of all threads, in microseconds: the first figure of `schedstat`, which counts in nanoseconds. */
export function cpuMicroseconds(pid: number): number {
  return sumOfThreads(pid, (thread) => Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ', 1)[0]) / 1_000);
}

/** How often its threads slept voluntarily, and so were woken. */
export function wakeUps(pid: number): number {
  return sumOfThreads(pid, (thread) => statusNumber(`${thread}/status`, 'voluntary_ctxt_switches'));
}

export function residentMegabytes(pid: number): number {
  return statusNumber(`/proc/${pid}/status`, 'VmRSS') / 1_024;
}

function sumOfThreads(pid: number, of: (directory: string) => number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + of(`/proc/${pid}/task/${thread}`), 0);
}

function statusNumber(file: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1]);
}
