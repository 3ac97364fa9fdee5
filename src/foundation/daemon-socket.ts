/** Where a daemon has its Unix socket and `credential-process` looks for it, unless told. */
export const DEFAULT_SOCKET = '/run/imds-anywhere/imds-anywhere.sock';

/**
 * A `credential_process` that needs no Node: curl asks the daemon on its Unix socket. Node alone takes longer to start than all of it.
 *
 * @param socket - path of the daemon's socket, without spaces: SDKs split the line in different ways.
 */
export function socketCommand(socket: string, role: string): string {
  return `curl -sf --unix-socket ${socket} http://localhost/v1/credential-process/${encodeURI(role)}`;
}
