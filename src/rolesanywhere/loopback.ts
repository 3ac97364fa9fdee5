/** Whether a URL's host name stands for this machine. `URL` has already brought IPv4 and IPv6 into their one form. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
