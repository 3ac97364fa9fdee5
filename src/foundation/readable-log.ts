import { PinoPretty } from 'pino-pretty';
import type { DestinationStream } from 'pino';

/** Log lines for people on standard error. Loaded only where that is a terminal. */
export function readableDestination(): DestinationStream {
  return PinoPretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.hasColors(),
    translateTime: 'SYS:HH:MM:ss',
  });
}
