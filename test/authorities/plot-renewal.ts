import { writeFile } from 'node:fs/promises';
import { Workshop } from '../support/workshop.ts';
import { renewalPlot } from './renewal-plot.ts';
import { renewalRun } from './renewal-run.ts';

// Half an hour with certificates of five minutes and a CA that is down for a third of the time, in real time.

const SETTINGS = { lifeSeconds: 300, at: 0.66, seconds: 1_800, outageSeconds: 75, sessionSeconds: 60 };
const TITLE = 'Certificates of five minutes from step-ca, which is down for a third of the time';

const workshop = await Workshop.open();
try {
  const record = await renewalRun(workshop, SETTINGS);
  await writeFile('docs/renewal-step-ca.svg', renewalPlot(record, TITLE));
  process.stdout.write('docs/renewal-step-ca.svg is drawn\n');
} finally {
  await workshop.close();
}
