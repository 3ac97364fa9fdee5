import { errorFactory } from '../foundation/errors.ts';

/** What every door logs; clients see a status and a fixed sentence, never these. */
export const doorErrors = {
  DOOR_HOST_REFUSED:
    'If this client is meant to get in, add the name it uses to allowedHosts of that door. If not, a web page may be trying DNS rebinding.',
  DOOR_REQUEST_MALFORMED:
    'A client must send a plain path and exactly one Host header. No SDK does otherwise: find out who asks.',
  DOOR_BROWSER_REFUSED:
    'A web page asked; no SDK sends such headers. Nothing was given out. Find out which page is open on this host.',
  DOOR_FORWARDED_REFUSED:
    'A proxy asked for a token on behalf of somebody else. Take this address out of the proxy (NO_PROXY), or stop the proxy from reaching it.',
  DOOR_CONNECTIONS_EXHAUSTED:
    'Find the client that opens connections and does not close them; for each new one, the one that was silent longest is closed.',
  DOOR_INTERNAL: 'This is a defect of imds-anywhere; the client got 503. Please report it with this line.',
} as const;

export type DoorErrorCode = keyof typeof doorErrors;

export const doorError = errorFactory(doorErrors);
