import type { Config, RoleConfig } from '../config/config.ts';
import { keeperFor } from '../daemon/role-keeper.ts';
import { changeCredentialsFile, IN_HOME } from '../environment/credentials-file.ts';
import { withSessionSettings } from '../environment/profile-edit.ts';
import { sharedFilePaths } from '../environment/shared-files.ts';
import { systemClock } from '../foundation/clock.ts';
import { createLog } from '../foundation/pino-log.ts';
import { withOutsideKeys } from '../identity/outside-identity.ts';
import { readIdentity } from '../identity/read-identity.ts';
import { keyProcesses } from '../keys/ask-key-process.ts';
import { outsideKeys } from '../keys/outside-keys.ts';
import { closeMemory } from '../platform/closed-memory.ts';
import { httpsExchange } from '../rolesanywhere/https-exchange.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { SessionKeeper } from '../sessions/session-keeper.ts';
import { keepProfile } from '../standalone/profile-keeping.ts';
import type { SessionSource } from '../standalone/session-request.ts';
import { whileLocked } from '../state/file-lock.ts';
import { signalToStop } from './signal.ts';
import { userAgent } from './version.ts';

/** Writes a session into a profile. */
export type Write = (session: RoleSession) => Promise<void>;

/** Limit for a write. Many of these commands may keep a profile in the same file. */
const LONGEST_WRITE_MS = 10_000;

export function profileWriter(profile: string): Write {
  const { credentials } = sharedFilePaths(process.env);
  return (session) =>
    whileLocked(`${credentials}.lock`, { longestMs: LONGEST_WRITE_MS, clock: systemClock, use: IN_HOME }, () =>
      changeCredentialsFile(credentials, (text) => withSessionSettings(text, profile, session)),
    );
}

export async function updateOnce(source: SessionSource, write: Write): Promise<void> {
  await write(await source());
}

/** Runs until SIGTERM or SIGINT. Logs and retries failures, like the daemon. */
export async function updateAlways(config: Config, role: RoleConfig, write: Write): Promise<void> {
  const log = await createLog({ ...config.log, readable: process.stderr.isTTY });
  await closeMemory(log);
  const stopping = new AbortController();
  const stopped = signalToStop().then(() => {
    stopping.abort();
  });
  await keepProfile({ keeper: keeperOf(config, role, log), write, clock: systemClock, log }, stopping.signal);
  await stopped;
}

function keeperOf(
  { identity, rolesAnywhere }: Config,
  role: RoleConfig,
  log: Awaited<ReturnType<typeof createLog>>,
): SessionKeeper {
  const environment = process.env;
  const keys = outsideKeys(keyProcesses({ environment, log }));
  const read = withOutsideKeys(readIdentity, keys);
  const exchange = httpsExchange(rolesAnywhere, { clock: systemClock, sign: keys.sign, environment, userAgent });
  return keeperFor(role, {
    createSession: (signer, signal) => exchange(signer, role, signal),
    identity: async (signal) => (await read(identity, { now: systemClock.now(), environment }, signal)).identity,
    kept: undefined,
    clock: systemClock,
    random: Math.random,
    log,
  });
}
