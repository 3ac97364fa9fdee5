import { isoSeconds } from '../foundation/clock.ts';
import { version } from '../foundation/version.ts';
import { ACCOUNT } from './account-step.ts';
import { CONFIGURATION, readConfiguration } from './configuration-step.ts';
import { ENDPOINTS } from './endpoint-steps.ts';
import { FILES, IDENTITY, TAGS } from './host-steps.ts';
import { CLOCK, CONNECTION, NAME, WAY } from './network-steps.ts';
import { CALLER, RENEWAL, SERVICE } from './program-steps.ts';
import { CHAIN, SESSION } from './session-steps.ts';
import {
  type Area,
  type Found,
  isCause,
  type Known,
  type Request,
  type Step,
  type StepFinding,
  type StepName,
} from './step.ts';

/** In the order of the path. The configuration comes before them. */
export const STEPS: readonly Step[] = [
  FILES,
  IDENTITY,
  TAGS,
  WAY,
  NAME,
  CONNECTION,
  CLOCK,
  ACCOUNT,
  SESSION,
  CHAIN,
  SERVICE,
  ENDPOINTS,
  CALLER,
  RENEWAL,
];

/** The answer of `doctor --json`. */
export interface Diagnosis {
  /** Within one version, fields may be added, but none is removed or changes its meaning. */
  readonly schema: 1;
  readonly version: string;
  readonly time: string;
  /** The configuration file. */
  readonly file: string;
  readonly exitCode: number;
  /** Undefined: nothing is wrong in what could be checked. */
  readonly cause?: { readonly step: string; readonly code: string };
  readonly steps: readonly CheckedStep[];
}

export interface CheckedStep extends StepName {
  /** `unchecked`: nothing could be seen here. `not reached`: an earlier step failed. */
  readonly outcome: 'passed' | 'failed' | 'unchecked' | 'not reached';
  readonly seen: readonly string[];
  readonly findings: readonly StepFinding[];
  readonly unchecked: readonly string[];
}

const EXIT_CODES: Readonly<Record<Area, number>> = {
  configuration: 2,
  host: 3,
  network: 4,
  service: 5,
  endpoint: 6,
  program: 7,
  renewal: 8,
};

export interface Examined {
  readonly diagnosis: Diagnosis;
  /** What the steps have found out. Undefined: the configuration cannot be used. */
  readonly known: Known | undefined;
}

/** Checks step by step, until the first one that finds a cause. */
export async function diagnose(request: Request): Promise<Examined> {
  const { found, known: read } = await readConfiguration(request);
  const steps = [checkedStep(CONFIGURATION, found)];
  let known = read;
  let isOver = isCause(found);
  for (const step of STEPS) {
    if (!known || isOver) {
      steps.push(notReached(step));
      continue;
    }
    const next: Found = await step.check(known, request);
    steps.push(checkedStep(step, next));
    known = withLearned(known, next);
    isOver = isCause(next);
  }
  const time = isoSeconds(request.clock.now());
  return { diagnosis: concluded({ schema: 1, version, time, file: request.file, steps }), known };
}

function withLearned(known: Known, { learned = {} }: Found): Known {
  return { ...known, ...learned, facts: [...known.facts, ...(learned.facts ?? [])] };
}

function checkedStep({ name, title, area }: StepName, found: Found): CheckedStep {
  const { seen = [], findings = [], unchecked = [] } = found;
  const isEmpty = seen.length === 0 && findings.length === 0 && unchecked.length > 0;
  const outcome = isCause(found) ? 'failed' : isEmpty ? 'unchecked' : 'passed';
  return { name, title, area, outcome, seen, findings, unchecked };
}

function notReached({ name, title, area }: StepName): CheckedStep {
  return { name, title, area, outcome: 'not reached', seen: [], findings: [], unchecked: [] };
}

function concluded(diagnosis: Omit<Diagnosis, 'exitCode' | 'cause'>): Diagnosis {
  const failed = diagnosis.steps.find(({ outcome }) => outcome === 'failed');
  const cause = failed?.findings.find(({ severity }) => severity === 'error');
  if (!failed || !cause) return { ...diagnosis, exitCode: 0 };
  return { ...diagnosis, exitCode: EXIT_CODES[failed.area], cause: { step: failed.name, code: cause.code } };
}
