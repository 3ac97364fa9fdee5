import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load-config.ts';
import { isoSeconds, systemClock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import { printable } from '../foundation/printable.ts';
import { STANDARD_ERROR } from '../foundation/standard-error.ts';
import { userAgent } from '../foundation/version.ts';
import { serialHex } from '../identity/serial-number.ts';
import type { RenewableConfig } from '../renewal/asked-program.ts';
import type { Renewed } from '../renewal/renew-now.ts';
import { writeReport } from './answer.ts';
import { signalToStop } from './signal.ts';

export function renewCommand(): Command {
  return new Command('renew')
    .description('renew the certificate now with the program of identity.renew, due or not, and try it with one call')
    .argument('<file>', 'configuration file')
    .option('--dry', 'write nothing: only show that the program works, and that its certificate gets a session')
    .action(async (file: string, { dry = false }: { readonly dry?: boolean }) => {
      const config = await loadConfig(file);
      const renewable = await renewableConfig(config, file);
      const stopping = new AbortController();
      void signalToStop().then((name) => {
        stopping.abort(name);
      });
      const done = await renewed(config, renewable, { isDry: dry, signal: stopping.signal }).catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error;
        process.exitCode = 128 + constants.signals[stopping.signal.reason as NodeJS.Signals];
      });
      if (done) await writeReport(printable(report(renewable, done)));
    });
}

async function renewableConfig({ identity }: Config, file: string): Promise<RenewableConfig> {
  const { certificate, renew } = identity;
  if (renew && typeof certificate === 'string') return { ...identity, certificate, renew };
  const { renewalError } = await import('../renewal/renewal-errors.ts');
  throw renewalError('RENEWAL_NOT_CONFIGURED', `${file} has no identity.renew`);
}

interface Run {
  readonly isDry: boolean;
  /** Ends the program too. */
  readonly signal: AbortSignal;
}

async function renewed(config: Config, renewable: RenewableConfig, { isDry, signal }: Run): Promise<Renewed> {
  const [{ renewNow }, { askProgram }, { loadIdentity }, { withOutsideKeys }, { keysOfCommand }, { httpsExchange }] =
    await Promise.all([
      import('../renewal/renew-now.ts'),
      import('../renewal/renewal-program.ts'),
      import('../identity/load-identity.ts'),
      import('../identity/outside-identity.ts'),
      import('../keys/outside-keys.ts'),
      import('../rolesanywhere/https-exchange.ts'),
    ]);
  const environment = process.env;
  const keys = keysOfCommand(environment);
  const read = withOutsideKeys(loadIdentity, keys);
  const exchange = { clock: systemClock, sign: keys.sign, environment, userAgent };
  const createSession = httpsExchange(config.rolesAnywhere, exchange);
  const parts = {
    ...{ isDry, keys, environment, log: onlyOutput, ask: askProgram(environment) },
    now: () => systemClock.now(),
    load: () => read(renewable, { now: systemClock.now(), environment }, signal),
    tryOut: async (identity: Renewed['identity']): Promise<void> => {
      for (const role of config.roles.slice(0, 1)) await createSession(identity, role, signal);
    },
  };
  return renewNow(renewable, parts, signal);
}

/** What the program reports, as the log of the daemon has it. */
const onlyOutput: Log = (_level, _message, { output } = {}) => {
  if (typeof output === 'string') writeSync(STANDARD_ERROR, printable(`${output}\n`));
};

function report({ certificate }: RenewableConfig, { identity, writer }: Renewed): string {
  const where = {
    command: `written to ${certificate}`,
    program: `the program wrote ${certificate}`,
    another: `another program has written ${certificate} meanwhile: not written`,
  };
  return `${[
    `a new certificate of ${identity.subject} got a session`,
    `  serial      ${serialHex(identity.serial)}`,
    `  valid until ${isoSeconds(identity.notAfter)}`,
    `  ${writer ? where[writer] : 'not written (--dry)'}`,
  ].join('\n')}\n`;
}
