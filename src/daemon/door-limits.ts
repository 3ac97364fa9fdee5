import { serverLimits, type ServerLimits } from '../doors/bounded-server.ts';

/** For files, threads, the call to the service and the listeners themselves, and for 64 connections to the status listener. */
const RESERVED_DESCRIPTORS = 128;

/**
 * What clients can take from one of several doors: no more connections than leave the daemon the descriptors to read its files and
 * renew, whatever is done to all doors at once.
 *
 * @param openFiles - how many descriptors the process may have; undefined: nothing tells.
 * @param doors - how many share them, asked whenever it matters.
 */
export function doorLimits(openFiles: number | undefined, doors: () => number): ServerLimits {
  return {
    ...serverLimits,
    get connections() {
      const share = Math.floor(((openFiles ?? Infinity) - RESERVED_DESCRIPTORS) / Math.max(doors(), 1));
      return Math.max(1, Math.min(serverLimits.connections, share));
    },
  };
}
