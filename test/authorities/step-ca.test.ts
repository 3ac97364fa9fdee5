import { beforeAll, expect, test, vi } from 'vitest';
import { describeWith } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';
import { renewalRun } from './renewal-run.ts';
import { hasStep, STEP_NAME } from './step-ca.ts';

vi.setConfig({ testTimeout: 240_000 });

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

describeWith(STEP_NAME, hasStep(), 'renewal at a real step-ca', () => {
  test('which is down for a third of the time: no session and no certificate lapses', async () => {
    const settings = { lifeSeconds: 40, at: 0.5, seconds: 80, outageSeconds: 8, sessionSeconds: 12 };
    const { hosts, outages, from, until } = await renewalRun(workshop, settings);
    const down = outages.reduce((sum, outage) => sum + outage.until - outage.from, 0);
    expect(down / (until - from)).toBeGreaterThan(0.2);
    for (const { title, readings, certificates, attempts } of hosts) {
      expect(readings.length, title).toBeGreaterThan(20);
      expect(
        readings.filter(({ at, expiration }) => expiration === undefined || expiration <= at),
        title,
      ).toEqual([]);
      expect(certificates.length, title).toBeGreaterThan(2);
      // One more than renewals: the CA was down for the first.
      expect(attempts.length, title).toBeGreaterThanOrEqual(certificates.length);
      for (const [index, next] of certificates.slice(1).entries())
        expect(next.from, title).toBeLessThan(certificates[index]?.until ?? 0);
    }
  });
});
