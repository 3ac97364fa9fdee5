import { writeFile } from 'node:fs/promises';
import { eventually } from '../support/program.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';
import { suffer } from './emulator-control.ts';
import { metricsPlot, type Scrape } from './metrics-plot.ts';

// A dashboard during an outage that is longer than a session: a real daemon, scraped every second.

const SECONDS = 240;
const OUTAGE = { from: 80, until: 170 };
const GRANT_SECONDS = 60;

const workshop = await Workshop.open();
try {
  const emulator = await workshop.emulator('--grant-seconds', String(GRANT_SECONDS));
  const { program } = await workshop.daemon(`${onFreePort(emulator.config)}\nadmin: { listen: 127.0.0.1:0 }\n`);
  const serving = await eventually('the admin listener', 15_000, () =>
    program.log.find(({ msg }) => msg === 'serving'),
  );
  const [admin] = serving['admin'] as string[];
  const scrapes: Scrape[] = [];
  for (let second = 0; second < SECONDS; second += 1) {
    if (second === OUTAGE.from) await suffer(emulator.url, { status: 503 });
    if (second === OUTAGE.until) await suffer(emulator.url);
    scrapes.push({ at: Date.now() / 1_000, text: await (await fetch(`${admin ?? ''}/metrics`)).text() });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  await writeFile('docs/metrics-outage.svg', metricsPlot(scrapes, OUTAGE, GRANT_SECONDS));
  process.stdout.write('docs/metrics-outage.svg is drawn\n');
} finally {
  await workshop.close();
}
