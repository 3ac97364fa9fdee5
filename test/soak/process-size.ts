import { readdir, readFile } from 'node:fs/promises';

export interface ProcessSize {
  /** Resident, MB. */
  readonly memory: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** Memory of a process, from /proc (Linux). */
export async function processSize(pid: number): Promise<ProcessSize> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  const descriptors = (await readdir(`/proc/${pid}/fd`)).length;
  return { memory: Math.round(field('VmRSS') / 1024), descriptors, threads: field('Threads') };
}
