/** The default path of the daemon's Unix socket. `credential-process` looks there too. */
export const DEFAULT_SOCKET = '/run/imds-anywhere/imds-anywhere.sock';

/**
 * A `credential_process` without Node: curl asks the daemon on its Unix socket. Starting Node alone
 * takes longer.
 *
 * @param socket - path of the daemon's socket, without spaces because SDKs split the line in
 * different ways.
 */
export function socketCommand(socket: string, role: string): string {
  return `curl -sf --unix-socket ${socket} http://localhost/v1/credential-process/${encodeURI(role)}`;
}
