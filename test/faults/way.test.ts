import type { RequestListener } from 'node:http';
import { rename } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeAuthority, type Issued, type LeafOptions } from '../support/pki.ts';
import { Workshop } from '../support/workshop.ts';
import { SESSION_SECONDS, doorOf, expectPromisesKept, type BadDay } from './bad-day.ts';
import { Courses, Endings } from './courses.ts';
import { THINKING_MS, connectProxy, tlsFront } from './fronts.ts';
import type { Attempt } from './retry-bounds.ts';
import { Upstream, type RoleUpstream } from './upstream.ts';

// What can happen on the way to the service: TLS, proxy and DNS break while a session is held, and are mended when it is over. No
// name leaves this machine: it is the proxy's to resolve, or the lookup of the daemon is replaced.

/** A way that works, and what breaks and mends it. */
interface Way {
  readonly endpoint: string;
  readonly ca: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly break: () => void | Promise<void>;
  readonly mend: () => void | Promise<void>;
  readonly close: () => void;
}

interface Case extends BadDay {
  readonly open: (listener: RequestListener, workshop: Workshop) => Promise<Way>;
}

const NAME = 'rolesanywhere.invalid';

function onTheWay(name: string, code: string, openWay: Case['open']): Case {
  return { name, code, trouble: { retry: 'soon' }, callMs: THINKING_MS, open: openWay };
}

const SERVER: LeafOptions = { subject: 'CN=server', alternativeNames: [{ type: 'ip', value: '127.0.0.1' }] };

/** TLS that is right at first, and then presents another certificate, from the same CA unless told. */
function presenting(other: LeafOptions, byStranger = false): Case['open'] {
  return async (listener) => {
    const authority = await makeAuthority();
    const right = await authority.issue(SERVER);
    const wrong = await (byStranger ? await makeAuthority('Stranger') : authority).issue({ ...SERVER, ...other });
    const front = await tlsFront(listener, right);
    const present = (issued: Issued) => () => {
      front.present(issued);
    };
    const endpoint = `https://127.0.0.1:${front.port}`;
    return { endpoint, ca: authority.certificatePem, break: present(wrong), mend: present(right), close: front.close };
  };
}

async function namedFront(listener: RequestListener): Promise<{ ca: string; port: number; close: () => void }> {
  const authority = await makeAuthority();
  const alternativeNames = [{ type: 'dns', value: NAME }] as const;
  const front = await tlsFront(listener, await authority.issue({ ...SERVER, alternativeNames }));
  return { ca: authority.certificatePem, ...front };
}

/** A proxy that opens tunnels, and then answers CONNECT with this status. */
function refusing(status: number): Case['open'] {
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
    return { endpoint, ca: front.ca, environment, break: answering(status), mend: answering(), close };
  };
}

/** Stands in for the resolver in the daemon and its threads: the name is known while a file is there. */
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

const unresolved: Case['open'] = async (listener, workshop) => {
  const front = await namedFront(listener);
  const file = await workshop.write('the-name-is-known', '');
  const preload = await workshop.write('resolver.cjs', RESOLVER(file));
  return {
    endpoint: `https://${NAME}:${front.port}`,
    ca: front.ca,
    environment: { NODE_OPTIONS: `--require ${preload}` },
    break: () => rename(file, `${file}.not`),
    mend: () => rename(`${file}.not`, file),
    close: front.close,
  };
};

const CASES: readonly Case[] = [
  onTheWay('tls-untrusted', 'RA_TLS_UNTRUSTED', presenting({}, true)),
  onTheWay('tls-expired', 'RA_TLS_DATES', presenting({ notAfter: Date.UTC(2026, 0, 1) })),
  onTheWay('tls-wrong-name', 'RA_TLS_WRONG_NAME', presenting({ alternativeNames: [{ type: 'dns', value: 'other' }] })),
  onTheWay('proxy-refuses', 'RA_PROXY_REFUSED', refusing(403)),
  onTheWay('name-unresolved', 'RA_NAME_UNRESOLVED', unresolved),
];

const courses = new Courses();
const endings = new Endings();
const roles = new Map<string, RoleUpstream>();

/** A daemon of its own for each: way and environment are the whole program's. */
async function open(day: Case): Promise<void> {
  const workshop = await Workshop.open();
  endings.add(workshop.close);
  const upstream = await Upstream.open(`${workshop.directory}/account`, [day.name]);
  endings.add(() => {
    upstream.close();
  });
  const way = await day.open(upstream.listener, workshop);
  endings.add(way.close);
  const role = upstream.role(day.name);
  roles.set(day.name, role);
  await role.suffer({ grantSeconds: SESSION_SECONDS });
  const rolesAnywhere = `caBundle: ${await workshop.write('ca.pem', way.ca)}`;
  const config = upstream.config(way.endpoint, { rolesAnywhere, log: 'debug' });
  const { program } = await workshop.daemon(config, way.environment && { env: way.environment });
  courses.begin(day, {
    program,
    url: await doorOf(program, day.name),
    begin: async () => way.break(),
    end: async () => {
      await role.suffer();
      await way.mend();
    },
    attempts: (since) => failuresIn(program.log, since),
  });
}

/** What does not come as far as the service is in the log, at its most verbose. */
function failuresIn(log: readonly Record<string, unknown>[], since: number): Attempt[] {
  return log
    .filter(({ msg }) => String(msg).startsWith('no role session could be had'))
    .map(({ time }) => Date.parse(String(time)))
    .filter((time) => time >= since)
    .map((time) => ({ begin: time, end: time }));
}

beforeAll(async () => {
  await Promise.all(CASES.map(open));
});
afterAll(async () => {
  await courses.ended();
  await endings.run();
}, 150_000);

describe('on the way', () => {
  test.each(CASES)('$name ($code)', { timeout: 150_000 }, async (day) => {
    expectPromisesKept(day, await courses.of(day));
    expect(await roles.get(day.name)?.maxInFlight()).toBe(1);
  });
});
