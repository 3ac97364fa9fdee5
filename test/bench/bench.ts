import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Workshop } from '../support/workshop.ts';
import { commandMeasurement } from './commands.ts';
import {
  builtHelper,
  helper,
  HELPER_VERSION,
  observed,
  other,
  otherBuild,
  ours,
  packaged,
  packagedProgram,
  yardsticks,
} from './contenders.ts';
import { type Cores, separateCores } from './cores.ts';
import { idleMeasurement } from './idle.ts';
import { hasWrk } from './load.ts';
import { memoryMeasurement } from './memory.ts';
import { fullTable, shortTable, withBlock } from './page.ts';
import { renewalMeasurement } from './renewal.ts';
import { requestMeasurements } from './requests.ts';
import type { Measurement, Row } from './row.ts';
import { startMeasurement } from './starts.ts';

// Measures the built program next to the AWS helper in one run: docs/performance.md describes it.

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    rounds: { type: 'string' },
    other: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

/** The README shows the Node of the image and the packages. */
const README_NODE = '24';

const SHORT = [
  'read, 1 connection',
  'read, 16 connections',
  'token, listing, document on a new connection',
  'start until it listens; packaged',
  'start until the first credentials; packaged',
  'memory, idle with a session; packaged',
  'memory after 300 000 reads; packaged',
  'memory after 300 000 more token requests; packaged',
  'credential-process, new session; packaged',
  'credential-process, cached session; packaged',
  "curl on the daemon's socket",
  'reads by 50 clients while renewals take 2 s: p99',
  'reads by 50 clients while renewals take 2 s: CreateSession',
];

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function measurements(workshop: Workshop, cores: Cores | undefined): Promise<readonly Measurement[]> {
  const program = await builtHelper();
  if (program === undefined) say('No Go here: measured without the AWS helper.');
  const emulator = await workshop.emulator();
  const withCache = await packagedProgram(workshop.directory);
  const compared = values.other === undefined ? undefined : otherBuild(values.other);
  const contenders = [
    ...(program === undefined ? [] : [helper(program, emulator)]),
    ...[packaged(emulator, withCache), ours(emulator), observed(emulator)],
    ...(compared ? [other(emulator, compared)] : []),
    ...yardsticks(workshop.directory),
  ];
  return [
    ...requestMeasurements(contenders, cores),
    startMeasurement(contenders, cores),
    memoryMeasurement(contenders, cores),
    commandMeasurement(workshop, emulator, { helper: program, packaged: withCache, other: compared }),
    idleMeasurement(contenders, cores),
    renewalMeasurement(program, cores),
  ];
}

async function measured(): Promise<readonly Row[]> {
  const workshop = await Workshop.open();
  try {
    const cores = separateCores();
    if (!cores) say('Server and load share their cores here: there is one, or no taskset.');
    if (!hasWrk) say('No wrk here: the load is a Node program and may be the bottleneck.');
    const words = values.rows.split(',');
    const chosen = (await measurements(workshop, cores)).filter(({ key }) =>
      words.some((word) => key.startsWith(word)),
    );
    const rows: Row[] = [];
    for (const { key, rounds, measure } of chosen) {
      process.stderr.write(`${key}\n`);
      rows.push(...(await measure(Math.min(rounds, Number(values.rounds ?? rounds)))));
    }
    return rows;
  } finally {
    await workshop.close();
  }
}

async function replaceBlock(page: string, name: string, block: string): Promise<void> {
  const file = path.resolve(import.meta.dirname, '../..', page);
  await writeFile(file, withBlock(await readFile(file, 'utf8'), name, block));
}

const rows = await measured();
/** With the load average: on a busy machine, wall times mean little and ratios vary. */
const what = [
  `Node ${process.versions.node}`,
  `helper ${HELPER_VERSION.slice(1)}`,
  cpus()[0]?.model ?? 'processor unknown',
  `${cpus().length} cores`,
  `load average ${loadavg()[2]?.toFixed(0) ?? ''}:`,
].join(', ');
say(`${what}\n\n${fullTable(rows)}`);
if (values.write) {
  const [line = ''] = process.versions.node.split('.');
  await replaceBlock('docs/performance.md', `bench on Node ${line}`, `${what}\n\n${fullTable(rows)}`);
  if (line === README_NODE && values.rows === '')
    await replaceBlock('README.md', 'bench', `${what}\n\n${shortTable(rows, SHORT)}`);
}
