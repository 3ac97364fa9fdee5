import { expect, test } from 'vitest';
import { METRICS } from '../../src/admin/metric-catalogue.ts';

const INTRODUCTION = `# Metrics

The admin listener serves these metrics at \`/metrics\`, in the text format of Prometheus: [monitoring](monitoring.md). It
also serves \`process_*\` and \`nodejs_*\` from [prom-client](https://github.com/siimon/prom-client): memory, CPU time, open
files and event loop delay.

A metric keeps its name and meaning. New metrics and label values may be added. This page is generated from the
catalogue in the source: \`npm run docs:metrics\`. A test checks that they match.

| Metric | Type | Labels | Meaning |
| --- | --- | --- | --- |
`;

test('docs/metrics.md lists exactly the metrics', async () => {
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => {
    const names = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${names} | ${help} |\n`;
  });
  await expect(INTRODUCTION + rows.join('')).toMatchFileSnapshot('../../docs/metrics.md');
});

test('names follow the conventions of Prometheus', () => {
  for (const [name, { type }] of Object.entries(METRICS)) {
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).toMatch(/^[a-z][a-z_]+$/);
  }
});
