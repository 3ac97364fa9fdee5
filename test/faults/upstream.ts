import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Account } from '../../src/emulator/account/account.ts';
import { openAccount } from '../../src/emulator/account/new-account.ts';
import type { Fault } from '../../src/emulator/control/faults.ts';
import { buildEmulator } from '../../src/emulator/server.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import type { Attempt } from './retry-bounds.ts';

/** The emulator of one role, with its own faults, calls and times. */
export class RoleUpstream {
  /** Received CreateSession calls. */
  readonly attempts: Attempt[] = [];
  readonly #server: Server;

  constructor(account: Account) {
    this.#server = buildEmulator({ account, clock: systemClock, log: () => undefined });
  }

  get #url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/_emulator`;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  close(): void {
    this.#server.close();
  }

  readonly listener: RequestListener = (request, response) => {
    const attempt = { begin: Date.now(), end: Infinity };
    this.attempts.push(attempt);
    response.once('close', () => (attempt.end = Date.now()));
    this.#server.emit('request', request, response);
  };

  /** Replaces all faults with one; without one, works again. */
  async suffer(fault?: Fault): Promise<void> {
    const body = JSON.stringify(fault ? { createSession: fault } : {});
    const response = await fetch(`${this.#url}/faults`, { method: 'PUT', body });
    if (!response.ok) throw new Error(await response.text());
  }

  async maxInFlight(): Promise<number> {
    const calls = (await (await fetch(`${this.#url}/calls`)).json()) as { createSession: { maxInFlight: number } };
    return calls.createSession.maxInFlight;
  }
}

/** The upstream of a daemon with many roles: one address, and an emulator for each role. */
export class Upstream {
  readonly #roles: ReadonlyMap<string, RoleUpstream>;
  readonly #account: Account;
  readonly #directory: string;

  static async open(directory: string, names: readonly string[]): Promise<Upstream> {
    const upstream = new Upstream(directory, names, await openAccount(directory, Date.now()));
    await Promise.all([...upstream.#roles.values()].map((role) => role.open()));
    return upstream;
  }

  private constructor(directory: string, names: readonly string[], account: Account) {
    this.#directory = directory;
    this.#account = withRoles(account, names);
    this.#roles = new Map(names.map((name) => [name, new RoleUpstream(this.#account)]));
  }

  role(name: string): RoleUpstream {
    const role = this.#roles.get(name);
    if (!role) throw new Error(`no role ${name}`);
    return role;
  }

  /** Passes a call to the emulator of its role. */
  readonly listener: RequestListener = (request, response) => {
    const roleArn = new URL(request.url ?? '', 'http://any').searchParams.get('roleArn') ?? '';
    this.role(roleArn.split('/').at(-1) ?? '').listener(request, response);
  };

  /** The configuration of a daemon that serves all the roles. */
  config(endpoint: string, more: { readonly rolesAnywhere?: string; readonly log?: string } = {}): string {
    const { trustAnchors, profiles, roles } = this.#account;
    return [
      `identity:`,
      `  certificate: ${path.join(this.#directory, 'device.pem')}`,
      `  privateKey: ${path.join(this.#directory, 'device.key')}`,
      `rolesAnywhere:`,
      `  endpoint: ${endpoint}`,
      `  trustAnchorArn: ${trustAnchors[0]?.arn ?? ''}`,
      `  profileArn: ${profiles[0]?.arn ?? ''}`,
      ...(more.rolesAnywhere === undefined ? [] : [`  ${more.rolesAnywhere}`]),
      `roles:`,
      ...roles.map(({ arn }) => `  - { roleArn: '${arn}', imds: { listen: '127.0.0.1:0' } }`),
      `log: { level: ${more.log ?? 'info'} }`,
    ].join('\n');
  }

  close(): void {
    for (const role of this.#roles.values()) role.close();
  }
}

/** The role of a new account, once for each name. */
function withRoles(account: Account, names: readonly string[]): Account {
  const roles = names.flatMap((name) =>
    account.roles.map((role) => ({ ...role, arn: role.arn.replace(/[^/]+$/, name) })),
  );
  const roleArns = roles.map(({ arn }) => arn);
  return { ...account, roles, profiles: account.profiles.map((profile) => ({ ...profile, roleArns })) };
}

/** A plain HTTP address for an upstream. */
export async function plainFront(listener: RequestListener): Promise<Server & { readonly url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
