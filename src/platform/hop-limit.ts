import type { Server } from 'node:net';
import { endianness } from 'node:os';
import { failureFields, type Log } from '../foundation/logger.ts';
import { type Libc, loadLibc } from './libc.ts';
import { platformError } from './platform-errors.ts';

// ip(7), ipv6(7): values on Linux.
const IPV4 = { level: 0, option: 2 }; // IPPROTO_IP, IP_TTL
const IPV6 = { level: 41, option: 16 }; // IPPROTO_IPV6, IPV6_UNICAST_HOPS

/**
 * Sets how many hosts the packets of a listener's connections may pass; 1 means only the receiver.
 * Connections inherit it. EC2 has the same limit, 1 by default, so that no forwarding rule leads
 * credentials off the instance. A failure is logged.
 */
export async function limitHops(listener: Server, hops: number, log: Log): Promise<void> {
  const libc = await loadLibc();
  const descriptor = descriptorOf(listener);
  if (libc && descriptor !== undefined && setHops(libc, descriptor, hops)) return;
  const what = `the hop limit of ${hops} could not be set: ${libc ? `system error ${libc.errno()}` : 'koffi cannot be used'}`;
  log('warn', 'hop limit', failureFields(platformError('HOP_LIMIT_UNSET', what)));
}

/** An IPv6 socket needs both, because it may serve IPv4 too. */
function setHops({ setsockopt }: Libc, descriptor: number, hops: number): boolean {
  const value = Buffer.alloc(4);
  value[endianness() === 'LE' ? 'writeInt32LE' : 'writeInt32BE'](hops);
  const results = [IPV4, IPV6].map(({ level, option }) => setsockopt(descriptor, level, option, value, value.length));
  return results.includes(0);
}

/** Node has no public name for it. */
function descriptorOf(listener: Server): number | undefined {
  const { _handle: handle } = listener as unknown as { _handle?: { fd?: number } };
  return handle?.fd;
}
