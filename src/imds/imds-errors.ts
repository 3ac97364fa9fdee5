import { errorFactory } from '../foundation/errors.ts';

/** What the door logs; clients see a status and a fixed sentence, never these. */
export const imdsErrors = {
  IMDS_HOST_REFUSED:
    'If this client is meant to get in, add the name it uses to imds.allowedHosts of the role. If not, a web page may be trying DNS rebinding.',
  IMDS_REQUEST_MALFORMED:
    'A client must send a plain path and exactly one Host header. No SDK does otherwise: find out who asks.',
  IMDS_BROWSER_REFUSED:
    'A web page asked; no SDK sends such headers. Nothing was given out. Find out which page is open on this host.',
  IMDS_FORWARDED_REFUSED:
    'A proxy asked for a token on behalf of somebody else. Take this address out of the proxy (NO_PROXY), or stop the proxy from reaching it.',
  IMDS_CONNECTIONS_EXHAUSTED:
    'Find the client that opens connections and does not close them; for each new one, the one that was silent longest is closed.',
  IMDS_INTERNAL: 'This is a defect of imds-anywhere; the client got 503. Please report it with this line.',
} as const;

export type ImdsErrorCode = keyof typeof imdsErrors;

export const imdsError = errorFactory(imdsErrors);
