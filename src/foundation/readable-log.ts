import type { DestinationStream } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { printable } from './printable.ts';

/** Readable log lines on standard error. Loaded only for a terminal. */
export function readableDestination(): DestinationStream {
  const pretty = PinoPretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.hasColors(),
    translateTime: 'SYS:HH:MM:ss',
  });
  // Escape before pino-pretty adds its colours.
  return { write: (line) => void pretty.write(printable(line, '\\\\')) };
}
