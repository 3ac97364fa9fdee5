import { expect, test } from 'vitest';
import { METRICS } from '../../src/admin/metric-catalogue.ts';

const INTRODUCTION = `# Metrics

What \`/metrics\` of the admin listener tells ([monitoring](monitoring.md)), in the text form of Prometheus. Besides these there are \`process_*\` and
\`nodejs_*\`, as [prom-client](https://github.com/siimon/prom-client) makes them: memory, processor time, open files, delay of the event loop.

A metric keeps its name and meaning; new ones and new label values may come. This page is written from the catalogue in the source; a test
holds the two together, and \`npm run docs:metrics\` writes it anew.

| Metric | Type | Labels | Meaning |
| --- | --- | --- | --- |
`;

test('docs/metrics.md has every metric, and no other', async () => {
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => {
    const names = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${names} | ${help} |\n`;
  });
  await expect(INTRODUCTION + rows.join('')).toMatchFileSnapshot('../../docs/metrics.md');
});

test('names end as the conventions of Prometheus have it', () => {
  for (const [name, { type }] of Object.entries(METRICS)) {
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).toMatch(/^[a-z][a-z_]+$/);
  }
});
