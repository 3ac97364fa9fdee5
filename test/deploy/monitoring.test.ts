import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/admin/metric-catalogue.ts';
import { endpointErrors } from '../../src/endpoints/endpoint-errors.ts';
import { identityErrors } from '../../src/identity/identity-errors.ts';
import { rolesAnywhereErrors } from '../../src/rolesanywhere/rolesanywhere-errors.ts';
import { describeWith, hasTool } from '../support/tools.ts';

const directory = new URL('../../deploy/monitoring/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, directory), 'utf8');

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

const dashboard = JSON.parse(read('dashboard.json')) as Dashboard;
const rules = (parse(read('alerts.yaml')) as Rules).groups.flatMap((group) => group.rules);
const expressions: readonly (readonly [where: string, expression: string])[] = [
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ...dashboard.templating.list.flatMap(({ definition }) =>
    definition === undefined ? [] : [['a variable', definition] as const],
  ),
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
];

/** From Prometheus itself, or from every client of it. */
const FOREIGN = new Set(['up', 'process_resident_memory_bytes']);
const SCRAPED = ['job', 'instance', 'le'];

/** Metrics with the labels they are queried by, in braces; `_bucket` is part of a histogram. */
function selectors(expression: string): { readonly name: string; readonly labels: readonly string[] }[] {
  const found = expression.matchAll(/\b(up|process_[a-z_]+|nodejs_[a-z_]+|imds_anywhere_[a-z_]+)(?:\{([^}]*)\})?/g);
  return [...found].map(([, name = '', braces = '']) => ({
    name: name.replace(/_bucket$/, ''),
    labels: [...braces.matchAll(/(\w+)\s*(?:=~|!=|=)/g)].map(([, label = '']) => label),
  }));
}

describe('rules and dashboard use only existing metrics', () => {
  test('they query metrics', () => {
    expect(rules.length).toBeGreaterThan(5);
    expect(expressions.length).toBeGreaterThan(20);
    for (const [where, expression] of expressions) expect([where, selectors(expression)]).not.toEqual([where, []]);
  });

  test.each(expressions)('%s: %s', (_, expression) => {
    for (const { name, labels } of selectors(expression)) {
      if (FOREIGN.has(name)) continue;
      expect(Object.keys(METRICS)).toContain(name);
      const known = [...METRICS[name as keyof typeof METRICS].labels, ...SCRAPED] as string[];
      for (const label of labels) expect(known).toContain(label);
    }
  });

  test('the codes in them exist', () => {
    const codes = new Set(Object.keys({ ...endpointErrors, ...identityErrors, ...rolesAnywhereErrors }));
    const named = [...`${read('alerts.yaml')}${read('alerts.test.yaml')}`.matchAll(/\b(?:RA|IMDS|KEY)_[A-Z_]+\b/g)];
    expect(named.length).toBeGreaterThan(3);
    for (const [code] of named) expect(codes).toContain(code);
  });

  test('every metric of ours is on the dashboard or in a rule, except those that only explain others', () => {
    const asked = new Set(expressions.flatMap(([, expression]) => selectors(expression).map(({ name }) => name)));
    const silent = Object.keys(METRICS).filter((name) => !asked.has(name));
    expect(silent).toEqual([
      'imds_anywhere_session_next_call_timestamp_seconds',
      'imds_anywhere_certificate_renewal_timestamp_seconds',
    ]);
  });

  test('panels have unique ids', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describeWith('promtool', hasTool('promtool', '--version'), 'promtool', () => {
  const promtool = (...args: string[]): string =>
    execFileSync('promtool', args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' });

  test('accepts the rules', () => {
    expect(promtool('check', 'rules', 'alerts.yaml')).toContain(`SUCCESS: ${rules.length} rules found`);
  });

  test('passes their tests, and each rule has a test that fires it', () => {
    promtool('test', 'rules', 'alerts.test.yaml');
    const fired = [...read('alerts.test.yaml').matchAll(/alertname: (\w+)\n\s+exp_alerts:/g)].map(([, alert]) => alert);
    expect(new Set(fired)).toEqual(new Set(rules.map(({ alert }) => alert)));
  });
});
