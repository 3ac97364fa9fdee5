import type { Check, ExaminedStatement } from './evaluate.ts';
import { differenceOf, statementName } from './explain.ts';
import type { TestedAction } from './policy-test.ts';
import type { PolicyTestReport } from './policy-test-report.ts';

export function policyTestText({ actions, warnings, proposal }: PolicyTestReport): string {
  return [
    ...actions.flatMap(actionLines),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...(proposal ? ['', 'What would work:', JSON.stringify(proposal, undefined, 2)] : []),
    '',
  ].join('\n');
}

function actionLines({ action, resource, allowed, layers, foreignKeys, unknownKeys }: TestedAction): string[] {
  return [
    `${action}${resource === undefined ? '' : ` on ${resource}`}: ${allowed ? 'allowed' : 'not allowed'}`,
    ...layers.flatMap(({ layer, statements }) =>
      statements.length === 0
        ? [`  ${layer} policy: no statement has this action`]
        : statements.flatMap(statementLines),
    ),
    ...foreignKeys.map((key) => `  ${key} exists for other actions only: give ${action} a statement without it`),
    ...unknownKeys.map((key) => `  ${key} was taken as absent: this test does not know its value in a real request`),
  ];
}

function statementLines({ name, effect, checks }: ExaminedStatement): string[] {
  return [`  ${statementName(name)}, ${effect}`, ...checks.map((check) => `    ${checkLine(check)}`)];
}

function checkLine(check: Check): string {
  const isAbsent = check.key !== undefined && check.actual.length === 0;
  return `${check.isMet ? 'held  ' : isAbsent ? 'absent' : 'failed'}  ${differenceOf(check)}`;
}
