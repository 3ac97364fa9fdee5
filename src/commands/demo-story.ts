import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { configFromFlags } from '../config/from-flags.ts';
import { startDaemon } from '../daemon/daemon.ts';
import type { ServedRole } from '../daemon/served-roles.ts';
import { loadAccount } from '../emulator/account/account.ts';
import { createAccount, type CreatedAccount } from '../emulator/account/new-account.ts';
import { buildEmulator } from '../emulator/server.ts';
import { requestGuard } from '../endpoints/request-guard.ts';
import { environmentLines, settingLines, usersShell } from '../environment/shell-lines.ts';
import { isoSeconds, systemClock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import { printable } from '../foundation/printable.ts';
import { userAgent } from '../foundation/version.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { type CallerIdentity, callerIdentity, SDK_PROGRAM } from './demo-sdk.ts';
import { listenOn } from './emulate.ts';
import { signalToStop } from './signal.ts';

/** Short enough to see a renewal, long enough to read along. */
const GRANT_SECONDS = 20;
const LONGEST_WAIT_MS = 60_000;

/** Prints the demo to standard output. Rejects if a step fails. */
export async function runDemo({ once }: { readonly once: boolean }): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-demo-'));
  try {
    await narrate(directory, once);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function narrate(directory: string, once: boolean): Promise<void> {
  const stopAsked = signalToStop();
  print('imds-anywhere demo. Everything below runs on this machine, on loopback. It does not use AWS.');
  const account = await createAccount(directory, { now: systemClock.now() });
  const subject = await subjectIn(account.certificateFile);
  printAccount(account, subject);

  const emulator = buildEmulator({
    account: await loadAccount(directory),
    clock: systemClock,
    log: quiet,
    guard: requestGuard({ host: '127.0.0.1', allowedHosts: [] }),
    grantSeconds: GRANT_SECONDS,
  });
  const emulatorUrl = await listenOn(emulator, { host: '127.0.0.1', port: 0 });
  step(2, 'The emulator: IAM Roles Anywhere and STS, which verify every signature', [
    `${emulatorUrl}, sessions shortened to ${GRANT_SECONDS} s to show a renewal`,
  ]);

  const daemon = await startDaemon(demoConfig(account, emulatorUrl, directory), {
    clock: systemClock,
    log: quiet,
    random: Math.random,
    environment: {},
    userAgent,
  });
  try {
    const [endpoint] = daemon.roles;
    if (!endpoint) throw new Error('the daemon has no endpoint');
    await prove(endpoint, { emulatorUrl, region: account.region, directory, subject });
    if (once) return;
    printHowToTry(endpoint, emulatorUrl, account.region);
    await stopAsked;
  } finally {
    await daemon.stop();
    emulator.close();
    emulator.closeAllConnections();
  }
}

async function subjectIn(certificateFile: string): Promise<string> {
  return new X509Certificate(await readFile(certificateFile)).subject.replaceAll('\n', ', ');
}

function printAccount({ trustAnchorArn, profileArn, roleArn }: CreatedAccount, subject: string): void {
  step(1, 'A temporary PKI and an account that trusts it', [
    'root CA -> intermediate CA -> device certificate with an EC P-256 key',
    `certificate   ${subject}`,
    `trust anchor  ${trustAnchorArn}`,
    `profile       ${profileArn}`,
    `role          ${roleArn}`,
  ]);
}

function demoConfig(
  account: CreatedAccount,
  emulatorUrl: string,
  directory: string,
): ReturnType<typeof configFromFlags> {
  const { certificateFile, privateKeyFile, trustAnchorArn, profileArn, roleArn } = account;
  return configFromFlags(
    {
      certificate: certificateFile,
      privateKey: privateKeyFile,
      trustAnchorArn,
      profileArn,
      roleArn,
      endpoint: emulatorUrl,
      port: 0,
    },
    directory,
  );
}

interface Place {
  readonly emulatorUrl: string;
  readonly region: string;
  /** An empty home directory, so that only the endpoint can provide credentials. */
  readonly directory: string;
  /** Of the device certificate. */
  readonly subject: string;
}

async function prove({ url = '', keeper }: ServedRole, place: Place): Promise<void> {
  const first = await eventually('a first session', () => keeper.current());
  step(3, 'The daemon: signed CreateSession with the device key and serves the session', [
    `${url}, ${sessionText(first)}`,
    `source identity ${first.sourceIdentity ?? ''}, from the subject of the certificate`,
  ]);

  const ask = (): Promise<CallerIdentity> => callerIdentity({ endpointUrl: url, ...place });
  const caller = await ask();
  step(4, 'An unmodified AWS SDK for JavaScript with its default chain, pointed at the daemon', [
    ...SDK_PROGRAM.split('\n').map((line) => `| ${line}`),
    `-> ${caller.arn}`,
    `   which is the certificate ${place.subject}`,
    `   signed with ${caller.accessKeyId}, verified by the emulator's STS`,
  ]);

  print(`\n5  A live renewal: waiting for it (due ${isoSeconds(keeper.state.renewAt)}) ...`);
  const second = await eventually('a renewal', () =>
    keeper.current()?.accessKeyId === first.accessKeyId ? undefined : keeper.current(),
  );
  const again = await ask();
  print(`     ${first.accessKeyId} -> ${sessionText(second)}`);
  print(`     the SDK again: ${again.arn}, signed with ${again.accessKeyId}`);
  if (again.accessKeyId === caller.accessKeyId) throw new Error('the SDK still signs with the previous session');
}

function sessionText({ accessKeyId, expiration }: RoleSession): string {
  return `${accessKeyId} until ${isoSeconds(expiration)}`;
}

function printHowToTry({ url = '' }: ServedRole, emulatorUrl: string, region: string): void {
  const shell = usersShell(process.env);
  step(6, 'Try it with any AWS SDK or the AWS CLI; Ctrl-C ends the demo', [
    ...environmentLines({ url, region }, shell),
    ...settingLines({ AWS_ENDPOINT_URL_STS: emulatorUrl }, shell),
    'aws sts get-caller-identity',
  ]);
}

async function eventually<T>(what: string, look: () => T | undefined): Promise<T> {
  const deadline = systemClock.now() + LONGEST_WAIT_MS;
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (systemClock.now() > deadline) throw new Error(`waited ${LONGEST_WAIT_MS / 1000} s for ${what}`);
    await systemClock.sleep(100);
  }
}

/** The demo prints what matters. The log adds only warnings and errors. */
const quiet: Log = (level, message, fields) => {
  if (level === 'error') process.stderr.write(printable(`${message} ${JSON.stringify(fields)}\n`));
};

function step(number: number, title: string, lines: readonly string[]): void {
  print(`\n${number}  ${title}`);
  for (const line of lines) print(`     ${line}`);
}

function print(line: string): void {
  process.stdout.write(printable(`${line}\n`));
}
