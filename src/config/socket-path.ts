/** Where a daemon has its Unix socket and `credential-process` looks for it, unless told. */
export const DEFAULT_SOCKET = '/run/imds-anywhere/imds-anywhere.sock';
