import { readFileSync } from 'node:fs';

/** As the process calls itself at the moment (proc(5), comm); undefined: gone, or hidden from us. Nothing but plain text may get into a terminal. */
export function processName(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1')
      .trim()
      .replaceAll(/[^\x20-\x7e]/g, '?');
  } catch {
    return undefined;
  }
}
