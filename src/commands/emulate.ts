import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Account } from '../emulator/account/account.ts';
import { isLoopback, plainHost } from '../foundation/address.ts';
import { systemClock } from '../foundation/clock.ts';
import { messageOf } from '../foundation/errors.ts';
import { printable } from '../foundation/printable.ts';
import { commandError } from './command-errors.ts';
import { wholeNumber } from './option-values.ts';
import { signalToStop } from './signal.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Flags {
  readonly dir: string;
  readonly listen: Address;
  readonly grantSeconds?: number;
  readonly allowedHost?: readonly string[];
  readonly backend?: URL;
}

export function emulateCommand(): Command {
  return new Command('emulate')
    .description('run a local IAM Roles Anywhere and STS that verify requests, for demos, tests and CI; it is not AWS')
    .requiredOption(
      '--dir <directory>',
      'directory with account.yaml; an empty one gets a CA, a device certificate and an account',
    )
    .addOption(
      new Option('--listen <host:port>', 'address to listen on')
        .argParser(address)
        .default({ host: '127.0.0.1', port: 9_919 }, '127.0.0.1:9919'),
    )
    .option('--grant-seconds <seconds>', 'shorten the sessions, to see renewals', wholeNumber('a number of seconds'))
    .option(
      '--allowed-host <name...>',
      'more host names that clients use, such as the name of its container; * for any, behind a relay',
    )
    .addOption(
      new Option(
        '--backend <url>',
        'server that plays the other services, such as moto: calls that the policies allow go there',
      ).argParser(backendUrl),
    )
    .action(emulate);
}

async function emulate({ dir, listen, grantSeconds, allowedHost = [], backend }: Flags): Promise<void> {
  const [{ openAccount }, { buildEmulator }, { createLog }, { requestGuard }] = await Promise.all([
    import('../emulator/account/new-account.ts'),
    import('../emulator/server.ts'),
    import('../foundation/pino-log.ts'),
    import('../endpoints/request-guard.ts'),
  ]);
  const account = await openAccount(dir, systemClock.now());
  const log = await createLog({ level: 'info', readable: process.stderr.isTTY });
  const emulator = buildEmulator({
    account,
    clock: systemClock,
    log,
    // A relay in front of the emulator keeps the signed Host, so any name is possible.
    ...(!allowedHost.includes('*') && { guard: requestGuard({ host: listen.host, allowedHosts: allowedHost }) }),
    ...(grantSeconds !== undefined && { grantSeconds }),
    ...(backend && { backend }),
  });
  const url = await listenOn(emulator, listen);
  if (!isLoopback((emulator.address() as AddressInfo).address))
    log('warn', 'the emulator is reachable from other machines, which can read its events and set its faults', { url });
  const stopAsked = signalToStop();
  process.stdout.write(printable(`${introduction(url, account, path.resolve(dir), backend).join('\n')}\n`));
  await stopAsked;
  emulator.close();
  emulator.closeAllConnections();
}

/** @returns the URL. Rejects with EMULATOR_CANNOT_LISTEN. */
export async function listenOn(server: Server, { host, port }: Address): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(commandError('EMULATOR_CANNOT_LISTEN', `cannot listen on ${host}:${port}: ${messageOf(error)}`, error));
    });
    server.listen(port, host, resolve);
  });
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

/** YAML to paste into a configuration. */
function introduction(url: string, account: Account, directory: string, backend: URL | undefined): string[] {
  return [
    `# An emulator of IAM Roles Anywhere and STS listens on ${url}. It is not AWS.`,
    `# A configuration for imds-anywhere:`,
    `identity:`,
    ...identityIn(directory),
    `rolesAnywhere:`,
    `  endpoint: ${url}`,
    `  trustAnchorArn: ${account.trustAnchors[0]?.arn ?? ''}`,
    `  profileArn: ${account.profiles[0]?.arn ?? ''}`,
    `roles:`,
    ...account.roles.slice(0, 1).map((role) => `  - roleArn: ${role.arn}`),
    `# For the SDKs, which also use the emulator as ${backend ? 'every service' : 'STS'}:`,
    `#   export AWS_ENDPOINT_URL${backend ? '' : '_STS'}=${url} AWS_REGION=${account.region} AWS_DEFAULT_REGION=${account.region}`,
  ];
}

/** An account that was written by hand or by `init` is for certificates elsewhere. */
function identityIn(directory: string): string[] {
  const [certificate, key] = [path.join(directory, 'device.pem'), path.join(directory, 'device.key')];
  return existsSync(certificate)
    ? [`  certificate: ${certificate}`, `  privateKey: ${key}`]
    : ['  certificate: CERTIFICATE # of the CA in trustAnchors', '  privateKey: KEY'];
}

function backendUrl(value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new InvalidArgumentError('It must be a URL such as http://127.0.0.1:5000.');
  return url;
}

function address(value: string): Address {
  const { host, port } = /^(?<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?<port>\d{1,5})$/.exec(value)?.groups ?? {};
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError('It must be HOST:PORT.');
  return { host: plainHost(host), port: Number(port) };
}
