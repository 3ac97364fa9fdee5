import type { Environment } from '../foundation/process-environment.ts';
import { spiffeError } from './spiffe-errors.ts';

/** An X.509-SVID of the SPIFFE Workload API: certificate, chain and key. */
export interface SpiffeSource {
  readonly kind: 'spiffe';
  /** Path of the agent's Unix socket. Absent: the one in $SPIFFE_ENDPOINT_SOCKET. */
  readonly socket?: string;
  /** Which of several SVIDs. */
  readonly id?: string;
  readonly hint?: string;
}

/** Whether a configured certificate is an SVID. */
export function isSvid(certificate: string | { readonly kind: string }): certificate is SpiffeSource {
  return typeof certificate === 'object' && certificate.kind === 'spiffe';
}

/**
 * The path in the address of an agent: a URI in the form of the SPIFFE Workload Endpoint, section 4.
 *
 * @returns undefined if it is no such address.
 */
export function socketPath(address: string): string | undefined {
  const encoded = /^unix:(?:\/\/)?(?<path>\/(?!\/)[^?#]+)$/.exec(address)?.groups?.['path'];
  try {
    const path = decodeURIComponent(encoded ?? '');
    return path === '' || path.includes('\0') ? undefined : path;
  } catch {
    return undefined;
  }
}

/** The agent to ask, and how. */
export interface Workload {
  /** Path of the agent's socket. */
  readonly socket: string;
  /** Accept a socket that other users could replace. */
  readonly mayBeOpen: boolean;
}

/** @throws SPIFFE_SOCKET_MISSING */
export function workloadOf(
  { socket }: SpiffeSource,
  { allowReadableKey }: { readonly allowReadableKey: boolean },
  environment: Environment,
): Workload {
  const address = environment['SPIFFE_ENDPOINT_SOCKET'] ?? '';
  const path = socket ?? socketPath(address);
  if (path !== undefined) return { socket: path, mayBeOpen: allowReadableKey };
  const what =
    address === ''
      ? 'identity.spiffe has no socket, and SPIFFE_ENDPOINT_SOCKET is not set'
      : `SPIFFE_ENDPOINT_SOCKET is ${JSON.stringify(address)}, which is not unix:// and a path`;
  throw spiffeError('SPIFFE_SOCKET_MISSING', what);
}
