import { PinoPretty } from 'pino-pretty';
import type { DestinationStream } from 'pino';
import { printable } from './printable.ts';

/** Log lines for people on standard error. Loaded only where that is a terminal. */
export function readableDestination(): DestinationStream {
  const pretty = PinoPretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.hasColors(),
    translateTime: 'SYS:HH:MM:ss',
  });
  // Before its colours are in it.
  return { write: (line) => void pretty.write(printable(line, '\\\\')) };
}
