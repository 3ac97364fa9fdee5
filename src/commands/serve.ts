import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { systemClock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { Door } from '../daemon.ts';
import { configurationOf, wholeNumber, withIdentityFlags, type CommandLineFlags } from './identity-flags.ts';
import { signalToStop } from './signal.ts';
import { userAgent, version } from './version.ts';

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('keep role sessions fresh and serve them on IMDSv2 endpoints, until SIGTERM or SIGINT')
    .argument('[file]', 'configuration file')
    .option('-c, --config <file>', 'the same');
  return withIdentityFlags(command)
    .option('--port <port>', 'port on 127.0.0.1 (default: 9911)', (value) => wholeNumber(value, 'a port'))
    .action(async (file: string | undefined, flags: CommandLineFlags) => {
      await serve(await configurationOf(file, flags));
    });
}

async function serve(config: Config): Promise<void> {
  const [{ startDaemon }, { createLog }] = await Promise.all([
    import('../daemon.ts'),
    import('../foundation/pino-log.ts'),
  ]);
  const log = await createLog({ level: config.log.level, readable: process.stderr.isTTY });
  keepAlive(log);
  const stopAsked = signalToStop();
  const daemon = await startDaemon(config, {
    clock: systemClock,
    log,
    random: Math.random,
    environment: process.env,
    userAgent,
  });
  log('info', 'serving', { version, node: process.version, doors: daemon.doors.map(({ url }) => url) });
  for (const door of daemon.doors) process.stdout.write(`${doorLine(door)}\n`);
  log('info', 'stopping', { signal: await stopAsked });
  await daemon.stop();
  log('info', 'stopped');
}

function doorLine({ role, url }: Door): string {
  return `export AWS_EC2_METADATA_SERVICE_ENDPOINT=${url} # ${role.name}`;
}

/** A defect in one request or one role must not take the credentials of all others with it. */
function keepAlive(log: Log): void {
  process.on('uncaughtException', (error) => {
    log('error', 'unexpected error', failureFields(error));
  });
  // Without a listener this signal opens Node's inspector, and with it the memory that holds the secrets.
  process.on('SIGUSR1', () => undefined);
}
