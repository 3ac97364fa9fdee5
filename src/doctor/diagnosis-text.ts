import { printableLine } from '../foundation/printable.ts';
import type { CheckedStep, Diagnosis } from './diagnosis.ts';
import type { StepFinding } from './step.ts';

const MARKS: Readonly<Record<CheckedStep['outcome'], string>> = {
  passed: 'ok',
  failed: 'FAILED',
  unchecked: 'unchecked',
  'not reached': '-',
};

/**
 * One paragraph per step, the cause in full, and what was not checked. Texts can be of a server, or
 * of another user who wrote a bundle.
 */
export function diagnosisText({ steps, cause, file }: Diagnosis): string {
  const lines = steps.filter(({ outcome }) => outcome !== 'not reached').flatMap(stepLines);
  const rest = steps.filter(({ outcome }) => outcome === 'not reached').map(({ title }) => title);
  return [
    ...lines,
    '',
    cause ? `The cause: ${cause.code}` : `Nothing is wrong with ${file}, as far as it was checked.`,
    ...(rest.length === 0 ? [] : [`Not checked, because of it: ${rest.join(', ')}.`]),
    '',
  ]
    .map(printableLine)
    .join('\n');
}

function stepLines({ title, outcome, seen, findings, unchecked }: CheckedStep): string[] {
  const [first = '', ...others] = seen;
  return [
    `${MARKS[outcome].padEnd(9)} ${`${title}:`.padEnd(26)} ${first}`.trimEnd(),
    ...others.map((line) => `${' '.repeat(37)}${line}`),
    ...findings.flatMap(findingLines),
    ...unchecked.map((what) => `  not checked: ${what}`),
  ];
}

/** What was found, its place in the configuration, and the remedy. */
export function findingLines({ severity, code, message, remedy, key, place, left, ruledOut }: StepFinding): string[] {
  const where = [place, key].filter((part) => part !== undefined).join('  ');
  return [
    `  ${severity === 'warning' ? 'warning ' : ''}${code}: ${message}`,
    ...(where === '' ? [] : [`    ${where}`]),
    `    ${remedy}`,
    ...listed('what it can still be:', left),
    ...listed('what it is not:', ruledOut),
  ];
}

function listed(title: string, items: readonly string[] = []): string[] {
  return items.length === 0 ? [] : [`    ${title}`, ...items.map((item) => `      - ${item}`)];
}
