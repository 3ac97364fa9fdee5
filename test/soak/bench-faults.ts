import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../../src/emulator/control/faults.ts';
import { eventually } from '../support/program.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';
import { createSessionCalls, suffer } from './emulator-control.ts';
import { milliseconds, quantile, table } from './report.ts';

// What 50 SDK-like clients with ten reads per second each notice of a faulty upstream while there
// is a session: how long the document takes under each fault, compared at the same time with a
// second daemon without faults. Other load affects both, so the difference shows the fault. A new
// daemon for each row. Run `npm run build` first.

const CLIENTS = 50;
const EVERY_MS = 100;
/** Of the daemon without faults. */
const CONTROL_CLIENTS = 10;
const MEASURED_MS = 10_000;
const SESSION_SECONDS = 60;

interface Row {
  readonly title: string;
  readonly fault?: Fault;
  /** Seconds of a session. */
  readonly grant?: number;
}

const ROWS: readonly Row[] = [
  { title: 'quiet', grant: 3_600 },
  { title: 'renewals, one after the other', grant: 4 },
  { title: 'latency 2 s', fault: { latencyMs: 2_000 } },
  { title: 'latency 30 s', fault: { latencyMs: 30_000 } },
  { title: 'silent', fault: { hang: true } },
  { title: 'reset', fault: { reset: true } },
  { title: '500', fault: { status: 500 } },
  { title: '503', fault: { status: 503 } },
  { title: '429', fault: { status: 429 } },
  { title: '429, Retry-After 1', fault: { status: 429, retryAfter: 1 } },
  { title: '403', fault: { status: 403 } },
  { title: '201 without a token', fault: { credentials: { sessionToken: null } } },
  { title: 'not JSON', fault: { body: '<html>' } },
  { title: '10 MiB', fault: { padding: 10 * 1024 * 1024 } },
  { title: 'redirect', fault: { status: 307, location: '/elsewhere/sessions' } },
  { title: 'quiet, once more', grant: 3_600 },
];

interface Measured {
  readonly title: string;
  readonly times: readonly number[];
  /** Of the daemon without faults. */
  readonly control: readonly number[];
  readonly calls: number;
  readonly wrong: number;
}

async function measured({ title, fault, grant = SESSION_SECONDS }: Row, peace: SdkLoad): Promise<Measured> {
  const workshop = await Workshop.open();
  try {
    const emulator = await workshop.emulator('--grant-seconds', String(grant));
    const { url } = await workshop.daemon(onFreePort(emulator.config));
    const load = new SdkLoad(url, { clients: CLIENTS, everyMs: EVERY_MS });
    await eventually('the first session', 10_000, () => load.ledger.lastStatus === 200 || undefined);
    // After this, connections are open and code is compiled.
    await delay(3_000);
    if (fault) await faulty(emulator.url, fault);
    const { total } = await createSessionCalls(emulator.url);
    for (const each of [load, peace]) each.takeTimes();
    await delay(MEASURED_MS);
    const [times, control] = [load.takeTimes(), peace.takeTimes()];
    const calls = (await createSessionCalls(emulator.url)).total - total;
    await load.stop();
    return { title, times, control, calls, wrong: load.ledger.wrongCount + load.ledger.lapses };
  } finally {
    await workshop.close();
  }
}

/** Enables the fault and waits for its first effect. */
async function faulty(url: string, fault: Fault): Promise<void> {
  await suffer(url, fault);
  const before = await createSessionCalls(url);
  await eventually('a call', SESSION_SECONDS * 1000, async () =>
    (await createSessionCalls(url)).total > before.total ? true : undefined,
  );
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** All rows, one after the other, compared with a daemon without faults. */
async function measureAll(): Promise<Measured[]> {
  const workshop = await Workshop.open();
  try {
    const { config } = await workshop.emulator();
    const { url } = await workshop.daemon(onFreePort(config));
    const peace = new SdkLoad(url, { clients: CONTROL_CLIENTS, everyMs: EVERY_MS });
    const rows: Measured[] = [];
    for (const row of ROWS) rows.push(await measured(row, peace));
    await peace.stop();
    return rows;
  } finally {
    await workshop.close();
  }
}

function cells({ title, times, control, calls, wrong }: Measured): (string | number)[] {
  const [p99, controlP99] = [quantile(times, 0.99), quantile(control, 0.99)];
  const shown = [quantile(times, 0.5), p99, controlP99, p99 - controlP99].map(milliseconds);
  return [title, times.length, ...shown, calls, wrong];
}

const rows = await measureAll();
say(
  `Node ${process.version}, ${CLIENTS} clients, a reading every ${EVERY_MS} ms each, ${MEASURED_MS / 1000} s a row; ms`,
);
const head = ['documents', 'p50', 'p99', 'p99 in peace', 'difference', 'calls upstream', 'wrong or lapsed'];
say(table(['upstream', ...head], rows.map(cells)));
process.exitCode = rows.some(({ wrong }) => wrong > 0) ? 1 : 0;
