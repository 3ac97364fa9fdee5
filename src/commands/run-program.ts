import type { Config } from '../config/config.ts';
import { environmentErrors } from '../environment/environment-errors.ts';
import { type ProgramCredentials, programEnvironment } from '../environment/program-environment.ts';
import { readSharedFiles } from '../environment/shared-files.ts';
import { isoSeconds, systemClock } from '../foundation/clock.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { secretVariables } from '../identity/passphrase.ts';
import { closeOwnMemory } from '../platform/closed-memory.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { SessionKeeper } from '../sessions/session-keeper.ts';
import { runProgram } from '../standalone/program.ts';
import { openProgramEndpoint } from '../standalone/program-endpoint.ts';
import { standaloneError } from '../standalone/standalone-errors.ts';
import { configuredSession, type SourceFlags } from './configured-session.ts';
import { configurationIn } from './credential-process.ts';
import { daemonSession, type HandedSession } from './daemon-session.ts';
import { type Warn, warningLog } from './warning.ts';

/** Runs a program that gets its keys from an endpoint in this process. @returns its exit code. */
export async function runWithEndpoint(command: readonly string[], flags: SourceFlags, report: Warn): Promise<number> {
  const log = await warningLog(report, flags.debug);
  await closeOwnMemory((_level, message, fields) => {
    log('debug', message, fields);
  });
  const { first, next, caller } = await sessionsFor(flags, report);
  const keeper = new SessionKeeper<undefined>({
    createSession: async () => roleSession(await next()),
    identity: () => Promise.resolve(undefined),
    restored: () => Promise.resolve(roleSession(first)),
    clock: systemClock,
    random: Math.random,
    phase: Math.random(),
    log,
  });
  void keeper.run(new AbortController().signal);
  const { url, token } = await openProgramEndpoint({
    ...{ roleArn: first.roleArn, session: keeper, clock: systemClock, log },
  });
  const environment = await environmentFor(
    { caller, report },
    {
      from: 'endpoint',
      url,
      variables: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: token.reveal(),
      },
    },
  );
  return runProgram({ command, environment });
}

/** Runs a program with one session in its environment. @returns its exit code. */
export async function runWithKeys(command: readonly string[], flags: SourceFlags, report: Warn): Promise<number> {
  const { first, caller } = await sessionsFor(flags, report);
  const environment = await environmentFor(
    { caller, report },
    {
      from: 'keys',
      variables: {
        AWS_ACCESS_KEY_ID: first.accessKeyId,
        AWS_SECRET_ACCESS_KEY: first.secretAccessKey.reveal(),
        AWS_SESSION_TOKEN: first.sessionToken.reveal(),
        AWS_CREDENTIAL_EXPIRATION: isoSeconds(first.expiration),
      },
    },
  );
  return runProgram({ command, environment, started: () => void warnOfExpiry(first.expiration, report) });
}

interface Sessions {
  readonly first: HandedSession;
  /** Gets a newer one. */
  readonly next: () => Promise<HandedSession>;
  /** The environment of this process, without the secrets of the configuration. */
  readonly caller: Environment;
}

/** @throws CodedError if there is no session, before any program starts. */
async function sessionsFor(flags: SourceFlags, report: Warn): Promise<Sessions> {
  const config = await configurationIn(flags);
  const get = (cache: boolean): Promise<HandedSession> =>
    config ? configuredSession(config, { ...flags, cache }, report) : daemonSession(flags.socket, flags.role);
  return { first: await get(flags.cache), next: () => get(false), caller: withoutSecrets(process.env, config) };
}

function withoutSecrets(environment: Environment, config: Config | undefined): Environment {
  const secret = config ? secretVariables(config) : [];
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !secret.includes(name)));
}

async function environmentFor(
  { caller, report }: { readonly caller: Environment; readonly report: Warn },
  credentials: ProgramCredentials,
): Promise<Readonly<Record<string, string>>> {
  const { environment, findings } = programEnvironment(caller, await readSharedFiles(caller), credentials);
  for (const { code, what } of findings) report({ code, message: what, remedy: environmentErrors[code] });
  return environment;
}

/** For the renewal policy, a session of a daemon or of the cache is as old as its arrival here. */
function roleSession({ roleArn, ...session }: HandedSession): RoleSession {
  return {
    ...{ sourceIdentity: undefined, subjectArn: undefined, requestId: undefined },
    ...{ ...session, receivedAt: systemClock.now(), assumedRoleArn: roleArn },
  };
}

/** The longest wait at once, because a suspended host stops timers. */
const LOOK_EVERY_MS = 60_000;

async function warnOfExpiry(expiration: number, report: Warn): Promise<void> {
  for (let left = expiration - Date.now(); left > 0; left = expiration - Date.now())
    await systemClock.sleep(Math.min(left, LOOK_EVERY_MS));
  const what = `the keys in the environment of the program expired at ${isoSeconds(expiration)}, and it still runs`;
  report(standaloneError('PROGRAM_KEYS_EXPIRED', what));
}
