import type { Environment } from '../foundation/process-environment.ts';

/**
 * How long the service manager waits for a sign of life, in milliseconds; undefined where it does not wait, or for another
 * process (sd_watchdog_enabled(3)).
 */
export function watchdogMs(environment: Environment, pid = process.pid): number | undefined {
  const { WATCHDOG_USEC: microseconds = '', WATCHDOG_PID: watched } = environment;
  if (watched !== undefined && watched !== String(pid)) return undefined;
  return /^[1-9]\d{0,15}$/.test(microseconds) ? Number(microseconds) / 1000 : undefined;
}
