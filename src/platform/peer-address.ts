import { isIPv4, isIPv6 } from 'node:net';

/** The 4 or 16 bytes of an IP address; an IPv4 one that came in on an IPv6 socket (`::ffff:127.0.0.1`) has 4. */
export function addressBytes(address: string): Buffer | undefined {
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, '').replace(/%.*$/, '');
  if (isIPv4(plain)) return Buffer.from(plain.split('.').map(Number));
  if (!isIPv6(plain) || plain.includes('.')) return undefined;
  const [before = [], after = []] = plain.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
