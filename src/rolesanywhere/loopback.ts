/**
 * Whether the host name of a URL is this machine. `URL` has already normalised IPv4 and IPv6
 * addresses.
 */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
