import { Workshop } from '../support/workshop.ts';
import type { Client } from './client.ts';
import type { Outcome } from './outcome.ts';
import {
  calls,
  callsAcrossRestart,
  callsBehindSlash,
  callsWithoutV1,
  findsNothing,
  findsRegion,
  outlivesRenewals,
  type Scenario,
} from './scenarios.ts';
import { emptyStage, hourStage, outageStage, shortStage, steadyStage, type Stage } from './stages.ts';
import { TimeLapse } from './time-lapse.ts';
import * as title from './titles.ts';

/** Scenario -> how it went. */
export type Row = Partial<Record<string, Outcome>>;

export interface Matrix {
  readonly rows: ReadonlyMap<Client, Row>;
  readonly titles: readonly string[];
}

/** Two cores, and clients that take a second of work each to start. */
const AT_ONCE = 3;

/** Lets every client play every scenario; what waits for time to pass does so while others play. */
export async function playMatrix(clients: readonly Client[], workshop: Workshop): Promise<Matrix> {
  const rows = new Map<Client, Row>(clients.map((client) => [client, {}]));
  const all = async <S extends Stage>(
    named: string,
    scenario: Scenario<S>,
    stage: S,
    width = AT_ONCE,
  ): Promise<void> => {
    await together(clients, width, async (client) => {
      const why = client.outside?.[named];
      const outcome = why === undefined ? await scenario(client, stage) : { kind: 'outside' as const, text: why };
      Object.assign(rows.get(client) ?? {}, { [named]: outcome });
    });
  };

  const outageBegins = outageStage(workshop);
  const renewals = [
    all(title.SHORT_RENEWALS, outlivesRenewals, await shortStage(workshop), clients.length),
    inTimeLapse((stage) => all(title.HOUR_RENEWALS, outlivesRenewals, stage, clients.length)),
  ];
  const outage = await outageBegins;
  await all(title.SERVICE_DOWN, calls, outage);
  const steady = await steadyStage(workshop);
  await all(title.FIRST_CALL, calls, steady);
  await all(title.V1_DISABLED, callsWithoutV1, steady);
  await all(title.SLASH, callsBehindSlash, steady);
  await all(title.RESTART, callsAcrossRestart, steady);
  await all(title.REGION, findsRegion, steady);
  await all(title.NOTHING_YET, findsNothing, await emptyStage(workshop));
  await outage.expired();
  await all(title.EXPIRED, findsNothing, outage);
  await Promise.all(renewals);
  return { rows, titles: title.TITLES };
}

async function inTimeLapse(work: (stage: Stage) => Promise<void>): Promise<void> {
  const lapse = await TimeLapse.start();
  const workshop = await Workshop.open(lapse.environment);
  try {
    await work(await hourStage(workshop, lapse.environment));
  } finally {
    await workshop.close();
    await lapse.stop();
  }
}

async function together<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
