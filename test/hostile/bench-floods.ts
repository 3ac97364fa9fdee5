import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { milliseconds, table } from '../soak/report.ts';
import { Workshop } from '../support/workshop.ts';
import { type Experience, experienceDuring } from './bystander.ts';
import { type Flood, floods } from './flood.ts';
import { ServedEndpoint } from './served-endpoint.ts';

// What a well-behaved client notices of floods: its latency in milliseconds without and during each
// flood, measured in its own process. The floods come from this process. Run `npm run build` first.

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '5' } },
  allowPositionals: true,
});
const measuredMs = Number(values.seconds) * 1_000;

/** After this, connections are open and code is compiled. */
const WARM_UP_MS = 1_000;

interface Row {
  readonly title: string;
  readonly experience: Experience;
  readonly megabytes: number;
  readonly descriptors: number;
}

async function measured(endpoint: ServedEndpoint, title: string, flood: Flood): Promise<Row> {
  const stopping = new AbortController();
  const flooding = flood(endpoint, stopping.signal);
  await delay(WARM_UP_MS);
  const experience = await experienceDuring(endpoint, () => delay(measuredMs));
  const size = endpoint.size();
  stopping.abort();
  await flooding;
  return { title, experience, ...size };
}

function cells({ title, experience, megabytes, descriptors }: Row): (string | number)[] {
  const { answers, failures, medianMs, p99Ms, worstMs } = experience;
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  return [title, answers, failed, ...[medianMs, p99Ms, worstMs].map(milliseconds), megabytes.toFixed(0), descriptors];
}

async function measureAll(): Promise<Row[]> {
  const workshop = await Workshop.open();
  try {
    const endpoint = await ServedEndpoint.open(workshop);
    const rows: Row[] = [];
    for (const [title, flood] of Object.entries(floods))
      if (positionals.length === 0 || positionals.some((word) => title.includes(word)))
        rows.push(await measured(endpoint, title, flood));
    return rows;
  } finally {
    await workshop.close();
  }
}

const rows = await measureAll();
const head = ['flood', 'answers', 'failed', 'p50', 'p99', 'worst', 'MB', 'descriptors'];
process.stdout.write(`Node ${process.version}, ${values.seconds} s a row; ms\n${table(head, rows.map(cells))}\n`);
process.exitCode = rows.some(({ experience }) => Object.keys(experience.failures).length > 0) ? 1 : 0;
