import { execFileSync } from 'node:child_process';

/** The library that gives a program another wall clock, for LD_PRELOAD; wherever the distribution puts it, `faketime` knows. */
export function faketimeLibrary(): string {
  return execFileSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}
