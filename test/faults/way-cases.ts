import { rename } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { type Issued, type LeafOptions, makeAuthority } from '../support/pki.ts';
import type { Workshop } from '../support/workshop.ts';
import type { BadDay } from './bad-day.ts';
import { connectProxy, THINKING_MS, tlsFront } from './fronts.ts';

// Network faults: TLS, proxy and DNS fail while there is a session, and work again after it has
// expired. No name leaves this machine: the proxy resolves it, or the daemon's lookup is replaced.

/** A working path, and functions that break and repair it. */
export interface Way {
  readonly endpoint: string;
  readonly ca: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly break: () => void | Promise<void>;
  readonly repair: () => void | Promise<void>;
  readonly close: () => void;
}

export interface WayCase extends BadDay {
  readonly open: (listener: RequestListener, workshop: Workshop) => Promise<Way>;
}

const NAME = 'rolesanywhere.invalid';

function onTheWay(name: string, code: string, openWay: WayCase['open']): WayCase {
  return { name, code, trouble: { retry: 'soon' }, callMs: THINKING_MS, open: openWay };
}

const SERVER: LeafOptions = { subject: 'CN=server', alternativeNames: [{ type: 'ip', value: '127.0.0.1' }] };

/** TLS that works at first and then presents another certificate, by default from the same CA. */
function presenting(other: LeafOptions, isUntrusted = false): WayCase['open'] {
  return async (listener) => {
    const authority = await makeAuthority();
    const right = await authority.issue(SERVER);
    const wrong = await (isUntrusted ? await makeAuthority('Untrusted') : authority).issue({ ...SERVER, ...other });
    const front = await tlsFront(listener, right);
    const present = (issued: Issued) => () => {
      front.present(issued);
    };
    const endpoint = `https://127.0.0.1:${front.port}`;
    return {
      endpoint,
      ca: authority.certificatePem,
      break: present(wrong),
      repair: present(right),
      close: front.close,
    };
  };
}

async function namedFront(listener: RequestListener): Promise<{ ca: string; port: number; close: () => void }> {
  const authority = await makeAuthority();
  const alternativeNames = [{ type: 'dns', value: NAME }] as const;
  const front = await tlsFront(listener, await authority.issue({ ...SERVER, alternativeNames }));
  return { ca: authority.certificatePem, ...front };
}

/** A proxy that opens tunnels, and then answers CONNECT with this status. */
function refusing(status: number): WayCase['open'] {
  return async (listener) => {
    const front = await namedFront(listener);
    const proxy = await connectProxy(front.port);
    const close = (): void => {
      proxy.close();
      front.close();
    };
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    const answering = (refusal?: number) => () => {
      proxy.refuse(refusal);
    };
    const endpoint = `https://${NAME}`;
    return { endpoint, ca: front.ca, environment, break: answering(status), repair: answering(), close };
  };
}

/** Replaces the resolver in the daemon and its threads: the name resolves while a file exists. */
const RESOLVER = (file: string): string => `
const { existsSync } = require('node:fs');
const dns = require('node:dns');
const { lookup } = dns;
dns.lookup = (name, ...rest) => {
  if (name !== '${NAME}') return lookup(name, ...rest);
  const [options, callback] = rest;
  if (existsSync(${JSON.stringify(file)})) return lookup('127.0.0.1', options, callback);
  const error = Object.assign(new Error('getaddrinfo ENOTFOUND ' + name), { code: 'ENOTFOUND', syscall: 'getaddrinfo' });
  setTimeout(callback, ${THINKING_MS}, error);
};`;

const unresolved: WayCase['open'] = async (listener, workshop) => {
  const front = await namedFront(listener);
  const file = await workshop.write('the-name-is-known', '');
  const preload = await workshop.write('resolver.cjs', RESOLVER(file));
  return {
    endpoint: `https://${NAME}:${front.port}`,
    ca: front.ca,
    environment: { NODE_OPTIONS: `--require ${preload}` },
    break: () => rename(file, `${file}.not`),
    repair: () => rename(`${file}.not`, file),
    close: front.close,
  };
};

export const WAY_CASES: readonly WayCase[] = [
  onTheWay('tls-untrusted', 'RA_TLS_UNTRUSTED', presenting({}, true)),
  onTheWay('tls-expired', 'RA_TLS_DATES', presenting({ notAfter: Date.UTC(2026, 0, 1) })),
  onTheWay('tls-wrong-name', 'RA_TLS_WRONG_NAME', presenting({ alternativeNames: [{ type: 'dns', value: 'other' }] })),
  onTheWay('proxy-refuses', 'RA_PROXY_REFUSED', refusing(403)),
  onTheWay('name-unresolved', 'RA_NAME_UNRESOLVED', unresolved),
];
