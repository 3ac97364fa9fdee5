// The calls that need the identity: CreateSession, and AssumeRole for a chained role.

import type { RoleConfig } from '../config/config.ts';
import { isoSeconds } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import { keysOfCommand } from '../keys/outside-keys.ts';
import { httpsExchange } from '../rolesanywhere/https-exchange.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { httpsAssumeRole } from '../sts/https-assume-role.ts';
import { causesOf } from './refusal-causes.ts';
import { asFinding, type Found, type Known, type Request, type Step, type StepFinding } from './step.ts';

export const SESSION: Step = { name: 'session', title: 'CreateSession', area: 'service', check: checkSessions };
export const CHAIN: Step = { name: 'chain', title: 'AssumeRole', area: 'service', check: checkChains };

/** One call for each role, one after the other. */
async function checkSessions(known: Known, { isDry, clock, environment, userAgent }: Request): Promise<Found> {
  const { identity, config, roles, facts } = known;
  if (isDry) return { unchecked: ['--dry leaves it out'] };
  if (!identity) return { unchecked: ['key and certificate cannot be read here'] };
  const { sign } = keysOfCommand(environment);
  const createSession = httpsExchange(config.rolesAnywhere, { clock, sign, environment, userAgent });
  const sessions = new Map<string, RoleSession>();
  const findings: StepFinding[] = [];
  for (const role of roles)
    try {
      sessions.set(role.name, await createSession(identity, role, new AbortController().signal));
    } catch (error) {
      findings.push(refused(role, error, (code) => causesOf(code, facts)));
    }
  return {
    seen: roles.flatMap((role) => sessionLine(role, role.sessionDuration, sessions.get(role.name))),
    findings,
    learned: { sessions },
  };
}

async function checkChains({ config, roles, sessions }: Known, request: Request): Promise<Found> {
  const chained = roles.filter(({ assume }) => assume);
  if (chained.length === 0) return { seen: ['no role is assumed with another one'] };
  if (!sessions) return { unchecked: ['it needs the sessions of CreateSession'] };
  const assumeRole = httpsAssumeRole(config.rolesAnywhere, request);
  const seen: string[] = [];
  const findings: StepFinding[] = [];
  for (const role of chained) {
    const first = sessions.get(role.name);
    if (!first || !role.assume) continue;
    try {
      const session = await assumeRole(first, role.assume, new AbortController().signal);
      seen.push(...sessionLine(role, role.assume.sessionDuration, session));
    } catch (error) {
      findings.push(refused(role, error));
    }
  }
  return { seen, findings };
}

function refused(
  { name }: RoleConfig,
  error: unknown,
  causes: (code: string) => Pick<StepFinding, 'left' | 'ruledOut'> = () => ({}),
): StepFinding {
  const coded = asCodedError(error);
  return { ...asFinding(coded), message: `role ${name}: ${coded.message}`, ...causes(coded.code) };
}

/** Seconds between the clocks, and the time of the call. */
const TOLERATED_S = 60;

function sessionLine({ name }: RoleConfig, asked: number, session: RoleSession | undefined): string[] {
  if (!session) return [];
  const { assumedRoleArn, expiration, receivedAt } = session;
  const granted = Math.round((expiration - receivedAt) / 1000);
  const shorter = granted + TOLERATED_S < asked ? `, which is ${granted} s and not ${asked} s` : '';
  return [`role ${name}: ${assumedRoleArn} until ${isoSeconds(expiration)}${shorter}`];
}
