import { afterEach, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';
import { experienceDuring } from './bystander.ts';
import { type Flood, floods } from './flood.ts';
import { ServedEndpoint, type Size } from './served-endpoint.ts';

// Each flood for a short time, and its forbidden effects. `npm run bench:floods` measures
// latencies.

const MOMENT_MS = 800;

/** Connections of the test itself, and of clients that are just closing. */
const SPARE_DESCRIPTORS = 5;

/** `ServedEndpoint` limits the heap; this is for buffers and sockets. */
const MOST_MEGABYTES_MORE = 120;
const MOST_CONNECTIONS = 2_000;
/** Descriptors of the process itself: files, pipes, the listener, and closing connections. */
const OWN_DESCRIPTORS = 100;

// Reads the descriptors from /proc.
describeWith('/proc', process.platform === 'linux', 'floods against the shipped program', () => {
  let endpoint: ServedEndpoint;
  beforeAll(async () => {
    const workshop = await Workshop.open();
    endpoint = await ServedEndpoint.open(workshop);
    return workshop.close;
  });
  afterEach(() => endpoint.check());

  it.each(Object.entries(floods))('%s', async (_, flood) => {
    const before = endpoint.size();
    const { failures, answers, peak } = await enduring(endpoint, flood);
    expect(failures).toEqual({});
    expect(answers).toBeGreaterThan(0);
    expect(peak.megabytes - before.megabytes).toBeLessThan(MOST_MEGABYTES_MORE);
    expect(peak.descriptors).toBeLessThan(MOST_CONNECTIONS + OWN_DESCRIPTORS);
    await eventually('the end of all connections', 20_000, () =>
      endpoint.size().descriptors <= before.descriptors + SPARE_DESCRIPTORS ? true : undefined,
    );
  });
});

/** The results of a well-behaved client during a flood, and the size of the process. */
async function enduring(
  endpoint: ServedEndpoint,
  flood: Flood,
): Promise<Awaited<ReturnType<typeof experienceDuring>> & { readonly peak: Size }> {
  let peak = endpoint.size();
  const look = setInterval(() => {
    const { megabytes, descriptors } = endpoint.size();
    peak = {
      megabytes: Math.max(peak.megabytes, megabytes),
      descriptors: Math.max(peak.descriptors, descriptors),
    };
  }, 50);
  const experience = await experienceDuring(endpoint, () => flood(endpoint, AbortSignal.timeout(MOMENT_MS)));
  clearInterval(look);
  return { ...experience, peak };
}
