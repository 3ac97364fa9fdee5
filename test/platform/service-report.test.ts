import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ServiceReport } from '../../src/platform/service-report.ts';
import { recordingLog, SECOND } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A report to a service manager that records its messages, unless it is deaf. */
function reporting({ watchdogMs, ...now }: { watchdogMs?: number; ready?: boolean; deaf?: boolean } = {}) {
  const service = { ready: true, status: 'fine', deaf: false, ...now };
  const told: string[][] = [];
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const report = new ServiceReport({
    notify: (...assignments) => Promise.resolve(!service.deaf && told.push([...assignments]) > 0),
    watchdogMs,
    isReady: () => service.ready,
    status: () => service.status,
    clock,
    log,
  });
  const stopping = new AbortController();
  // Each sleep of a virtual clock leaves one listener.
  setMaxListeners(0, stopping.signal);
  const ended = report.run(stopping.signal);
  return { service, told, clock, lines, report, stop: () => (stopping.abort(), ended) };
}

test('says once that it is ready, and the status when it changes', async () => {
  const { service, told, clock } = reporting();
  await clock.advance(5 * SECOND);
  service.status = 'worse';
  await clock.advance(5 * SECOND);
  expect(told).toEqual([['READY=1', 'STATUS=fine'], ['STATUS=worse']]);
});

test('asks for time as long as it is not ready', async () => {
  const { service, told, clock } = reporting({ ready: false });
  await clock.advance(2 * SECOND);
  service.ready = true;
  await clock.advance(2 * SECOND);
  const waiting = 'EXTEND_TIMEOUT_USEC=30000000';
  expect(told).toEqual([[waiting, 'STATUS=fine'], [waiting], [waiting], ['READY=1']]);
});

test('gives a sign of life every half of the time the watchdog waits', async () => {
  const { told, clock } = reporting({ watchdogMs: 30 * SECOND });
  await clock.advance(60 * SECOND);
  expect(told.flat().filter((line) => line === 'WATCHDOG=1')).toHaveLength(5);
});

test('a short watchdog is fed in time, too', async () => {
  const { told, clock } = reporting({ watchdogMs: SECOND });
  await clock.advance(10 * SECOND);
  expect(told.flat().filter((line) => line === 'WATCHDOG=1')).toHaveLength(21);
});

test('what was not taken is said again, and the log says so once', async () => {
  const { service, told, clock, lines } = reporting({ deaf: true });
  await clock.advance(3 * SECOND);
  service.deaf = false;
  await clock.advance(2 * SECOND);
  expect(told).toEqual([['READY=1', 'STATUS=fine']]);
  expect(lines.map(({ fields }) => fields['code'])).toEqual(['SERVICE_MANAGER_UNREACHED']);
});

test('a reload is announced with its moment, and ends with READY', async () => {
  const { told, clock, report } = reporting();
  await clock.advance(0);
  await report.reloading(1234n);
  await report.reloaded();
  await report.reloaded();
  expect(told.slice(1)).toEqual([['RELOADING=1', 'MONOTONIC_USEC=1234'], ['READY=1']]);
});

test('a reload before the start is complete does not complete it', async () => {
  const { told, report, stop } = reporting({ ready: false });
  await stop();
  told.length = 0;
  await report.reloading(1n);
  await report.reloaded();
  expect(told).toEqual([]);
});

test('says that it stops', async () => {
  const { told, report, stop } = reporting();
  await stop();
  await report.stopping();
  expect(told.at(-1)).toEqual(['STOPPING=1', 'STATUS=stopping']);
});
