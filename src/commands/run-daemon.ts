import { resolve } from 'node:path';
import type { Config, RoleConfig } from '../config/config.ts';
import { ConfigInvalid } from '../config/config-errors.ts';
import { ConfigReload } from '../daemon/config-reload.ts';
import { type Daemon, startDaemon } from '../daemon/daemon.ts';
import type { ServedRole } from '../daemon/served-roles.ts';
import { type Supervision, supervision } from '../daemon/supervision.ts';
import { fileFindings } from '../doctor/named-files.ts';
import { containerVariables } from '../environment/endpoint-variables.ts';
import { FileWatcher, watchFiles } from '../files/file-watcher.ts';
import { repeatedDigest } from '../files/files-digest.ts';
import { systemClock } from '../foundation/clock.ts';
import { type ConfigFinding, keyText } from '../foundation/config-finding.ts';
import type { CodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { printable } from '../foundation/printable.ts';
import { shellWord } from '../foundation/shell-word.ts';
import { userAgent, version } from '../foundation/version.ts';
import { closeMemory } from '../platform/closed-memory.ts';
import { packedSizeFindings } from '../sts/packed-size.ts';
import { adjustableLog } from './adjustable-log.ts';
import { type CommandLineFlags, configurationOf } from './identity-flags.ts';
import { signalToStop } from './signal.ts';

/** Serves until a signal stops it, and follows the configuration file if there is one. */
export async function serve(file: string | undefined, flags: CommandLineFlags): Promise<void> {
  const read = async (): Promise<Config> => withSafeFiles(await configurationOf(file, flags), file ?? flags.config);
  const paths = [file ?? flags.config].filter((path) => path !== undefined).map((path) => resolve(path));
  const digest = repeatedDigest(paths, systemClock);
  const before = await digest();
  const config = await read();
  const { log, setLevel, toggleDebug } = await adjustableLog(config.log);
  keepAlive(log);
  await closeMemory(log);
  await reportFindings(config, log);
  process.on('SIGUSR2', toggleDebug);
  const stopAsked = signalToStop();
  const world = { clock: systemClock, log, random: Math.random, environment: process.env, userAgent };
  const daemon = await startDaemon(config, world);
  log('info', 'serving', {
    version,
    node: process.version,
    endpoints: daemon.roles.flatMap(({ url }) => url ?? []),
    admin: daemon.adminAddresses,
    ...daemon.sharedAddresses,
  });
  announce(daemon.roles);
  announceContainer(config, daemon.sharedAddresses.container);
  const apply = async (wanted: Config): Promise<void> => {
    const { container: before } = daemon.sharedAddresses;
    announce(await applyTo(daemon, wanted, log));
    const { container } = daemon.sharedAddresses;
    if (container !== before) announceContainer(wanted, container);
    setLevel(wanted.log.level);
    await reportFindings(wanted, log);
  };
  const supervisor = await supervision(daemon, config, world);
  const answered = (): Promise<void> => supervisor.reloaded();
  const noted = (fault: CodedError | undefined): void => {
    daemon.noteConfiguration(fault);
  };
  const reload = new ConfigReload({ digest, read, apply, noted, answered, log }, before);
  const unfollow = follow(daemon, reload, { paths, supervisor, log });
  log('info', 'stopping', { signal: await stopAsked });
  await supervisor.stopping();
  await unfollow();
  await daemon.stop();
  log('info', 'stopped');
}

/**
 * @throws ConfigInvalid if other users could change what is read or written. The identity is
 * checked whenever it is read.
 */
async function withSafeFiles(config: Config, source = 'the command line'): Promise<Config> {
  const findings = await fileFindings(config, process.env);
  const dangers = findings.filter(({ severity }) => severity === 'error');
  if (dangers.length === 0) return config;
  throw new ConfigInvalid(
    source,
    dangers.map(({ path, error }) => ({ key: keyText(path), error })),
  );
}

async function reportFindings(config: Config, log: Log): Promise<void> {
  const report = (message: string, findings: readonly ConfigFinding[]): void => {
    for (const { path, error } of findings) log('warn', message, { key: keyText(path), ...failureFields(error) });
  };
  report('other users can change a file', await fileFindings(config, process.env));
  report('STS may refuse the tags of a role', packedSizeFindings(config.roles));
}

/** @returns the roles whose endpoints were opened. */
async function applyTo(daemon: Daemon, wanted: Config, log: Log): Promise<readonly ServedRole[]> {
  const { stop, start, reopen, adjust } = await daemon.apply(wanted);
  const names = (roles: readonly RoleConfig[]): string[] => roles.map(({ name }) => name);
  log('info', 'configuration applied', {
    stopped: names(stop),
    started: names(start),
    reopened: names(reopen),
    adjusted: names(adjust),
  });
  return daemon.roles.filter(({ role }) => start.includes(role) || reopen.includes(role));
}

/** Follows until the returned function is called. */
function follow(
  daemon: Daemon,
  reload: ConfigReload,
  {
    paths,
    supervisor,
    log,
  }: { readonly paths: readonly string[]; readonly supervisor: Supervision; readonly log: Log },
): () => Promise<void> {
  const watcher = new FileWatcher({ paths, check: () => reload.look(), watch: watchFiles, clock: systemClock, log });
  process.on('SIGHUP', () => {
    void supervisor.reloading();
    reload.ask();
    watcher.nudge();
    daemon.lookAtIdentity();
    daemon.reopenAudit();
  });
  const stopping = new AbortController();
  const ended = watcher.run(stopping.signal);
  return async () => {
    stopping.abort();
    await ended;
  };
}

function announce(roles: readonly ServedRole[]): void {
  for (const { role, url } of roles)
    if (url !== undefined) process.stdout.write(`export AWS_EC2_METADATA_SERVICE_ENDPOINT=${url} # ${role.name}\n`);
}

function announceContainer({ container }: Config, url: string | undefined): void {
  if (url === undefined) return;
  for (const { client, roles, file, rotate = true } of container?.tokens ?? [])
    for (const role of roles) {
      const variables = Object.entries<string>({ ...containerVariables(url, role, file) }).map(
        ([name, value]) => `${name}=${shellWord(value)}`,
      );
      // The shell reads the token, so it is never printed.
      const copied = rotate ? [] : [`AWS_CONTAINER_AUTHORIZATION_TOKEN="$(cat ${shellWord(file)})"`];
      process.stdout.write(`export ${[...variables, ...copied].join(' ')} # ${printable(client)}\n`);
    }
}

/** A bug in one request or role must not end the process for all others. */
function keepAlive(log: Log): void {
  process.on('uncaughtException', (error) => {
    log('error', 'unexpected error', failureFields(error));
  });
  // The reader has closed the pipe, as with `| head -1`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  // Before there is anything to reload, SIGHUP would end the process.
  process.on('SIGHUP', () => undefined);
}
