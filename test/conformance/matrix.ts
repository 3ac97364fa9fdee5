import { Workshop } from '../support/workshop.ts';
import type { Client } from './client.ts';
import type { Outcome } from './outcome.ts';
import * as scenario from './scenarios.ts';
import { emptyStage, hourStage, outageStage, shortStage, type Stage, steadyStage } from './stages.ts';
import { TimeLapse } from './time-lapse.ts';
import * as title from './titles.ts';

/** Scenario -> outcome. */
export type Row = Partial<Record<string, Outcome>>;

export interface Matrix {
  readonly rows: ReadonlyMap<Client, Row>;
  readonly titles: readonly string[];
}

/** Runs one scenario for every client, with limited concurrency. */
type PlayAll = <S>(named: string, play: scenario.Scenario<S>, stage: S, atOnce?: number) => Promise<void>;

/** Two cores, and clients that take a second of CPU each to start. */
const AT_ONCE = 3;
/** Scenarios that wait for sessions to expire take minutes, but little CPU. */
const ALL_AT_ONCE = Infinity;

/** Runs every scenario for every client. Scenarios that wait run concurrently with the others. */
export async function playMatrix(clients: readonly Client[]): Promise<Matrix> {
  const rows = new Map<Client, Row>(clients.map((client) => [client, {}]));
  const playAll: PlayAll = (named, play, stage, atOnce = AT_ONCE) =>
    together(clients, atOnce, async (client) => {
      const why = client.outside?.[named];
      const outcome = why === undefined ? await play(client, stage) : { kind: 'outside' as const, text: why };
      Object.assign(rows.get(client) ?? {}, { [named]: outcome });
    });
  await allDone([
    inWorkshop((workshop) => playAtOnce(playAll, workshop)),
    inWorkshop(async (workshop) =>
      playAll(title.SHORT_RENEWALS, scenario.outlivesRenewals, await shortStage(workshop), ALL_AT_ONCE),
    ),
    playHours(playAll),
  ]);
  return { rows, titles: title.TITLES };
}

/** The last minute of a session in an outage comes first; its end comes last. */
async function playAtOnce(playAll: PlayAll, workshop: Workshop): Promise<void> {
  const outage = await outageStage(workshop);
  await playAll(title.SERVICE_DOWN, scenario.calls, outage);
  const steady = await steadyStage(workshop);
  await playAll(title.FIRST_CALL, scenario.calls, steady);
  await playAll(title.V1_DISABLED, scenario.callsWithoutV1, steady);
  await playAll(title.SLASH, scenario.callsBehindSlash, steady);
  await playAll(title.RESTART, scenario.callsAcrossRestart, steady);
  await playAll(title.REGION, scenario.findsRegion, steady);
  await playAll(title.CONTAINER, scenario.callsAsContainer, steady);
  await playAll(title.NOTHING_YET, scenario.findsNothing, await emptyStage(workshop));
  await outage.expired();
  await playAll(title.EXPIRED, scenario.findsNothing, outage);
  await playAll(title.CONTAINER_EXPIRED, scenario.findsNothingAsContainer, outage);
}

async function playHours(playAll: PlayAll): Promise<void> {
  if (TimeLapse.isPossible())
    await inTimeLapse((stage) => playAll(title.HOUR_RENEWALS, scenario.outlivesRenewals, stage, ALL_AT_ONCE));
  else await playAll(title.HOUR_RENEWALS, scenario.leftOut('this machine has no faketime'), undefined);
}

async function inWorkshop(work: (workshop: Workshop) => Promise<void>, env?: Record<string, string>): Promise<void> {
  const workshop = await Workshop.open(env);
  await work(workshop).finally(workshop.close);
}

async function inTimeLapse(work: (stage: Stage) => Promise<void>): Promise<void> {
  const lapse = await TimeLapse.start();
  const { environment } = lapse;
  await inWorkshop(async (workshop) => work(await hourStage(workshop, environment)), environment).finally(() =>
    lapse.stop(),
  );
}

/** Rejects only after everything that was started has ended. */
async function allDone(strands: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(strands);
  await Promise.all(strands);
}

async function together<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
