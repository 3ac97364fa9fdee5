import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningProgram } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';
import { ANSWER_CASES, type AnswerCase } from './answer-cases.ts';
import { BackgroundRuns, Endings } from './background-runs.ts';
import { type DayReport, endpointOf, expectPromisesKept, runDay, SESSION_SECONDS } from './bad-day.ts';
import { BRIEF_DAYS, BRIEF_SESSION_SECONDS, type BriefDay, type BriefReport, runBriefDay } from './brief-day.ts';
import type { Attempt } from './retry-bounds.ts';
import { plainFront, type RoleUpstream, Upstream } from './upstream.ts';
import { WAY_CASES, type WayCase } from './way-cases.ts';

// Every fault of docs/reliability.md, each on its own role of the real program, all at the same
// time. The throughput depends on the machine, so no test checks it. Everything runs on loopback.

const badDays = new BackgroundRuns<DayReport>();
const briefDays = new BackgroundRuns<BriefReport>();
const endings = new Endings();
const roles = new Map<string, RoleUpstream>();

async function openUpstream(workshop: Workshop, names: readonly string[]): Promise<Upstream> {
  const upstream = await Upstream.open(`${workshop.directory}/account`, names);
  endings.add(() => {
    upstream.close();
  });
  for (const name of names) roles.set(name, upstream.role(name));
  return upstream;
}

async function openWorkshop(): Promise<Workshop> {
  const workshop = await Workshop.open();
  endings.add(workshop.close);
  return workshop;
}

/** One daemon for what the service does, one role for each case. */
async function openAnswers(): Promise<void> {
  const workshop = await openWorkshop();
  const upstream = await openUpstream(
    workshop,
    [...ANSWER_CASES, ...BRIEF_DAYS].map(({ name }) => name),
  );
  const front = await plainFront(upstream.listener);
  endings.add(() => front.close());
  // Sessions are short before the fault. Those after it last an hour.
  for (const { name } of ANSWER_CASES) await upstream.role(name).suffer({ grantSeconds: SESSION_SECONDS });
  for (const { name } of BRIEF_DAYS) await upstream.role(name).suffer({ grantSeconds: BRIEF_SESSION_SECONDS });
  const { program } = await workshop.daemon(upstream.config(front.url));
  for (const day of ANSWER_CASES) badDays.begin(day.name, answered(day, upstream.role(day.name), program));
  for (const day of BRIEF_DAYS) briefDays.begin(day.name, brief(day, upstream.role(day.name), program));
}

async function answered(day: AnswerCase, role: RoleUpstream, program: RunningProgram): Promise<DayReport> {
  return runDay(day, {
    program,
    url: await endpointOf(program, day.name),
    begin: () => role.suffer(day.fault),
    end: () => role.suffer(),
    attempts: (since) => role.attempts.filter(({ begin }) => begin >= since),
  });
}

async function brief(day: BriefDay, role: RoleUpstream, program: RunningProgram): Promise<BriefReport> {
  return runBriefDay(day, { program, role, url: await endpointOf(program, day.name) });
}

/** One daemon per case, because network and environment affect the whole program. */
async function openWay(day: WayCase): Promise<void> {
  const workshop = await openWorkshop();
  const upstream = await openUpstream(workshop, [day.name]);
  const way = await day.open(upstream.listener, workshop);
  endings.add(way.close);
  const role = upstream.role(day.name);
  await role.suffer({ grantSeconds: SESSION_SECONDS });
  const rolesAnywhere = `caBundle: ${await workshop.write('ca.pem', way.ca)}`;
  const config = upstream.config(way.endpoint, { rolesAnywhere, log: 'debug' });
  const { program, url } = await workshop.daemon(config, way.environment && { env: way.environment });
  const begin = async (): Promise<void> => way.break();
  const end = async (): Promise<void> => {
    await role.suffer();
    await way.repair();
  };
  badDays.begin(day.name, runDay(day, { program, url, begin, end, attempts: (since) => failuresIn(program, since) }));
}

/** Requests that do not reach the service are in the log at its most verbose level. */
function failuresIn({ stderr }: RunningProgram, since: number): Attempt[] {
  return stderr
    .split('\n')
    .filter((line) => line.includes('"msg":"could not get a role session') && line.endsWith('}'))
    .map((line) => Date.parse((JSON.parse(line) as { readonly time: string }).time))
    .filter((time) => time >= since)
    .map((time) => ({ begin: time, end: time }));
}

beforeAll(async () => {
  await Promise.all([openAnswers(), ...WAY_CASES.map(openWay)]);
}, 120_000);
afterAll(async () => {
  await Promise.all([badDays.ended(), briefDays.ended()]);
  await endings.run();
}, 240_000);

describe('a fault that outlasts the session', () => {
  test.each([...ANSWER_CASES, ...WAY_CASES])('$name ($code)', { timeout: 240_000 }, async (day) => {
    expectPromisesKept(day, await badDays.of(day.name));
    expect(await roles.get(day.name)?.maxInFlight()).toBe(1);
  });
});

describe('a fault that passes in time', () => {
  test.each(BRIEF_DAYS)('$name', { timeout: 240_000 }, async ({ name, codes }) => {
    const { ledger, said } = await briefDays.of(name);
    expect(ledger.wrong).toEqual([]);
    expect(said).toEqual(codes);
    expect(await roles.get(name)?.maxInFlight()).toBe(1);
  });
});
