import { BlockList, isIP, isIPv4, isIPv6 as matchesIPv6 } from 'node:net';

/** A host in the form of a URL: an IPv6 address has brackets. */
export function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** The host of a URL in the form that sockets accept, without brackets. */
export function plainHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** `0:0:0:0:0:0:0:1` is `::1`, and clients compare text, such as an entry of NO_PROXY. */
export function shortAddress(address: string): string {
  return isIPv6(address) ? plainHost(new URL(`http://[${address}]`).hostname) : address;
}

export function hostAndPort({ host, port }: Address): string {
  return `${urlHost(host)}:${port}`;
}

/** Where a program on this machine asks a listener, which may listen on all interfaces. */
export function askedAddress({ host, port }: Address): Address {
  return { host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port };
}

/** A text that should be a URL, without the password that it may have. */
export function withoutUserinfo(text: string): string {
  return text.replace(/\/\/.*@/, '//…@');
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can reach a host: `localhost`, or an IP address with or without brackets. */
export function isLoopback(host: string): boolean {
  const address = plainHost(host);
  return isIP(address) === 0 ? host === 'localhost' : loopback.check(address, familyOf(address));
}

/** Whether an IP address is in a range such as 127.0.0.0/8. The range may also be a single address. */
export function isInRange(address: string, range: string): boolean {
  const [network = '', bits] = range.split('/');
  if (isIP(network) === 0 || isIP(network) !== isIP(address)) return false;
  const longest = isIPv6(network) ? 128 : 32;
  const prefix = Number(bits ?? longest);
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || prefix > longest)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, familyOf(network));
  return list.check(address, familyOf(address));
}

/**
 * The 4 or 16 bytes of an IP address. An IPv4 address from an IPv6 socket (`::ffff:127.0.0.1`) has
 * 4.
 */
export function addressBytes(address: string): Buffer | undefined {
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '');
  if (isIPv4(plain)) return Buffer.from(plain.split('.').map(Number));
  if (!isIPv6(plain) || plain.includes('.')) return undefined;
  const [before = [], after = []] = plain.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Node's own check compiles a large expression first, which takes 4 ms of a start. */
export function isIPv6(host: string): boolean {
  return host.includes(':') && matchesIPv6(host);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
