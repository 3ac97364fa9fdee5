import { errorFactory } from '../foundation/errors.ts';

/** What every endpoint logs; clients see a status and a fixed sentence, never these. */
export const endpointErrors = {
  ENDPOINT_HOST_REFUSED:
    'If this client is meant to get in, add the name it uses to allowedHosts of that endpoint. If not, a web page may be trying DNS rebinding.',
  ENDPOINT_REQUEST_MALFORMED:
    'A client must send a plain path and exactly one Host header. No SDK does otherwise: find out who asks.',
  ENDPOINT_BROWSER_REFUSED:
    'A web page asked; no SDK sends such headers. Nothing was given out. Find out which page is open on this host.',
  ENDPOINT_FORWARDED_REFUSED:
    'A proxy asked for a token on behalf of somebody else. Take this address out of the proxy (NO_PROXY), or stop the proxy from reaching it.',
  ENDPOINT_CONNECTIONS_EXHAUSTED:
    'Find the client that opens connections and does not close them; for each new one, the one that was silent longest is closed.',
  ENDPOINT_ADDRESS_IN_USE:
    'Another process listens there (`ss -ltnp` names it): stop it, or give this role another address with imds.listen or --port.',
  ENDPOINT_CANNOT_LISTEN: 'Check that the address belongs to this host and that the user may listen on the port.',
  SOCKET_IN_USE:
    'Stop the daemon that listens there, or give this one another socket.path. What is not a socket is never removed.',
  SOCKET_CANNOT_LISTEN: 'Name a socket.path of at most 107 bytes in a directory where the daemon may write.',
  ENDPOINT_INTERNAL: 'This is a defect of imds-anywhere; the client got 503. Please report it with this line.',
} as const;

export type EndpointErrorCode = keyof typeof endpointErrors;

export const endpointError = errorFactory(endpointErrors, 'transient');
