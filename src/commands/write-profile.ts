import type { AssumeConfig, Config, RoleConfig } from '../config/config.ts';
import { keeperFor } from '../daemon/role-keeper.ts';
import { changeCredentialsFile, IN_HOME } from '../environment/credentials-file.ts';
import { readingFault } from '../environment/file-findings.ts';
import { withSessionSettings } from '../environment/profile-edit.ts';
import { sharedFilePaths } from '../environment/shared-files.ts';
import { whileLocked } from '../files/file-lock.ts';
import { systemClock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { failureFields } from '../foundation/logger.ts';
import { createLog } from '../foundation/pino-log.ts';
import { SayOnce } from '../foundation/say-once.ts';
import { userAgent } from '../foundation/version.ts';
import { withOutsideKeys } from '../identity/outside-identity.ts';
import { readIdentity } from '../identity/read-identity.ts';
import { keyProcesses } from '../keys/ask-key-process.ts';
import { outsideKeys } from '../keys/outside-keys.ts';
import { closeMemory } from '../platform/closed-memory.ts';
import { httpsExchange } from '../rolesanywhere/https-exchange.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { chainedSession } from '../sessions/chained-session.ts';
import { FirstHop, type FirstHopParts } from '../sessions/first-hop.ts';
import type { CreateSession, SessionKeeper } from '../sessions/session-keeper.ts';
import { keepProfile } from '../standalone/profile-keeping.ts';
import type { SessionSource } from '../standalone/session-request.ts';
import { httpsAssumeRole } from '../sts/https-assume-role.ts';
import { signalToStop } from './signal.ts';
import { warn } from './warning.ts';

/** Writes a session into a profile. */
type Write = (session: RoleSession) => Promise<void>;

/** Limit for a write. Many of these commands may keep a profile in the same file. */
const LONGEST_WRITE_MS = 10_000;

/** @param report - gets a fault for which some clients cannot read the file. */
function profileWriter(profile: string, report: (fault: CodedError) => void): Write {
  const { credentials } = sharedFilePaths(process.env);
  return (session) =>
    whileLocked(`${credentials}.lock`, { longestMs: LONGEST_WRITE_MS, clock: systemClock, use: IN_HOME }, async () => {
      let written = '';
      await changeCredentialsFile(credentials, (text) => (written = withSessionSettings(text, profile, session)));
      const fault = readingFault(written, credentials);
      if (fault) report(fault);
    });
}

export async function updateOnce(source: SessionSource, profile: string): Promise<void> {
  await profileWriter(profile, warn)(await source());
}

/** Runs until SIGTERM or SIGINT. Logs and retries failures, like the daemon. */
export async function updateAlways(config: Config, role: RoleConfig, profile: string): Promise<void> {
  const log = await createLog({ ...config.log, readable: process.stderr.isTTY });
  await closeMemory(log);
  const said = new SayOnce();
  const write = profileWriter(profile, (fault) => {
    if (said.isNews(fault.code, fault.message))
      log('warn', 'profile updated, but not every SDK can read the file', failureFields(fault));
  });
  const stopping = new AbortController();
  const stopped = signalToStop().then(() => {
    stopping.abort();
  });
  await keepProfile(
    { keeper: keeperOf(config, role, log, stopping.signal), write, clock: systemClock, log },
    stopping.signal,
  );
  await stopped;
}

function keeperOf(
  { identity, rolesAnywhere }: Config,
  role: RoleConfig,
  log: Awaited<ReturnType<typeof createLog>>,
  signal: AbortSignal,
): SessionKeeper {
  const environment = process.env;
  const keys = outsideKeys(keyProcesses({ environment, log }));
  const read = withOutsideKeys(readIdentity, keys);
  const exchange = httpsExchange(rolesAnywhere, { clock: systemClock, sign: keys.sign, environment, userAgent });
  const createSession: CreateSession = (signer, signing) => exchange(signer, role, signing);
  const parts = { clock: systemClock, random: Math.random, log };
  return keeperFor(role, {
    createSession: role.assume
      ? chained(role.assume, createSession, { rolesAnywhere, ...parts, signal })
      : createSession,
    identity: async (reading) => (await read(identity, { now: systemClock.now(), environment }, reading)).identity,
    kept: undefined,
    ...parts,
  });
}

interface ChainParts extends Omit<FirstHopParts, 'phase'>, Pick<Config, 'rolesAnywhere'> {}

function chained(
  assume: AssumeConfig,
  createSession: CreateSession,
  { rolesAnywhere, ...parts }: ChainParts,
): CreateSession {
  const assumeRole = httpsAssumeRole(rolesAnywhere, { clock: systemClock, environment: process.env, userAgent });
  return chainedSession({
    firstHop: new FirstHop({ ...parts, phase: 0 }),
    createSession,
    assumeRole: (first) => (_identity, signal) => assumeRole(first, assume, signal),
  });
}
