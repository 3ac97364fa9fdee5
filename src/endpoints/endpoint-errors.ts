import { errorFactory } from '../foundation/errors.ts';

/** Log messages of every endpoint. Clients see only a status and a fixed sentence. */
export const endpointErrors = {
  ENDPOINT_HOST_REFUSED:
    'If this client is legitimate, add the name it uses to allowedHosts of that endpoint. If not, a web page may be trying DNS rebinding.',
  ENDPOINT_REQUEST_MALFORMED:
    'Find the client that sends such requests, which no SDK does. A request needs a plain path and exactly one Host header.',
  ENDPOINT_BROWSER_REFUSED:
    'Find the web page that is open on this host: no SDK sends such headers. The page got no credentials.',
  ENDPOINT_FORWARDED_REFUSED:
    'Add this address to NO_PROXY, or block the proxy from it: a proxy forwarded a token request of another client.',
  ENDPOINT_CONNECTIONS_EXHAUSTED:
    'Find the client that leaves connections open. Each new connection closes the one that was idle the longest.',
  ENDPOINT_ADDRESS_IN_USE:
    'Stop the process that listens there (`ss -ltnp` names it), or set another address with imds.listen or --port.',
  ENDPOINT_CANNOT_LISTEN:
    'Check that the address belongs to this host, and that the user is allowed to listen on the port.',
  ENDPOINT_SOCKET_NOT_LOOPBACK:
    'Set ListenStream=127.0.0.1:9911 in the socket unit, or set imds.listen to its address with allowNonLoopback. Other hosts can reach the unit.',
  SOCKET_IN_USE:
    'Stop the daemon that listens there, or set another socket.path. Files that are not sockets are never removed.',
  SOCKET_CANNOT_LISTEN: 'Set socket.path to at most 107 bytes, in a directory that the daemon can write.',
  ENDPOINT_INTERNAL: 'Report this line: it is a defect in imds-anywhere. The client got 503.',
} as const;

export type EndpointErrorCode = keyof typeof endpointErrors;

export const endpointError = errorFactory(endpointErrors, 'transient');
