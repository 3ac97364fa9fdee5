import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Findings, findingsOf } from './findings.ts';
import { type FleetSettings, playThrough } from './fleet.ts';
import { plot } from './plot.ts';
import { report } from './report.ts';
import { type ScenarioName, SCENARIOS } from './scenario.ts';

export const USAGE = `npm run simulate -- [--scenario ${Object.keys(SCENARIOS).join('|')}] [--hosts 10000] [--session 1h]
  [--outage 20m]   how long the line is down (wan)
  [--step 20m]     how far the clocks are set forward (ntp)
  [--watch 1h]     how long to go on after it; the life of a session if not said
  [--rate 10] [--burst 10] [--seed 1] [--plot docs/fleet-SCENARIO.svg]
`;

/**
 * Runs one scenario, writes its plot, and returns the text to print. @throws Error that names a
 * wrong option.
 */
export async function simulate(args: readonly string[]): Promise<string> {
  const { settings, name, event, watch, plotFile } = readOptions(args);
  const scenario = SCENARIOS[name](event);
  const timeline = playThrough(scenario, settings, scenario.recoversFrom + watch);
  const findings: Findings = findingsOf(timeline, settings, scenario.recoversFrom);
  const title = `${settings.hosts} hosts, sessions of ${settings.session / MINUTE} min: ${scenario.title}`;
  const { perSecond } = settings.quota;
  await writeFile(
    plotFile,
    plot(timeline, { title, hosts: settings.hosts, perSecond, recoversFrom: scenario.recoversFrom }),
  );
  return `${title}\n\n${report(timeline, findings, scenario.recoversFrom)}\nplot: ${plotFile}\n`;
}

interface Options {
  readonly settings: FleetSettings;
  readonly name: ScenarioName;
  readonly event: { readonly outage: number; readonly step: number };
  /** Milliseconds after recovery began. */
  readonly watch: number;
  readonly plotFile: string;
}

const OPTIONS = {
  scenario: { type: 'string', default: 'wan' },
  hosts: { type: 'string', default: '10000' },
  session: { type: 'string', default: '1h' },
  outage: { type: 'string', default: '20m' },
  step: { type: 'string', default: '20m' },
  watch: { type: 'string' },
  rate: { type: 'string', default: '10' },
  burst: { type: 'string', default: '10' },
  seed: { type: 'string', default: '1' },
  plot: { type: 'string' },
} as const;

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const session = duration('session', values.session);
  const name = scenarioName(values.scenario);
  return {
    settings: {
      hosts: count('hosts', values.hosts),
      session,
      quota: { perSecond: count('rate', values.rate), burst: count('burst', values.burst) },
      seed: count('seed', values.seed),
    },
    name,
    event: { outage: duration('outage', values.outage), step: duration('step', values.step) },
    watch: values.watch === undefined ? session : duration('watch', values.watch),
    plotFile: values.plot ?? `docs/fleet-${name}.svg`,
  };
}

const MINUTE = 60_000;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: MINUTE, h: 60 * MINUTE };

/** `90s`, `20m`, `1h` in milliseconds. */
function duration(option: string, value: string): number {
  const [, amount, unit = ''] = /^(\d+)([smh])$/.exec(value) ?? [];
  const ms = Number(amount) * (UNITS[unit] ?? NaN);
  if (Number.isNaN(ms) || ms === 0) throw new Error(`--${option} is ${value}, but has to be like 90s, 20m or 1h`);
  return ms;
}

function count(option: string, value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new Error(`--${option} is ${value}, but has to be a whole number from 1`);
  return Number(value);
}

function scenarioName(value: string): ScenarioName {
  const name = (Object.keys(SCENARIOS) as ScenarioName[]).find((known) => known === value);
  if (!name) throw new Error(`--scenario is ${value}, but has to be one of ${Object.keys(SCENARIOS).join(', ')}`);
  return name;
}
