import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ServiceReport } from '../../src/platform/service-report.ts';
import { recordingLog, SECOND } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A report to a service manager that records its messages, unless it is deaf. */
function reporting({ watchdogMs, ...now }: { watchdogMs?: number; ready?: boolean; deaf?: boolean } = {}) {
  const service = { ready: true, status: 'fine', deaf: false, ...now };
  const sent: string[][] = [];
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const report = new ServiceReport({
    notify: (...assignments) => Promise.resolve(!service.deaf && sent.push([...assignments]) > 0),
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
  return { service, sent, clock, lines, report, stop: () => (stopping.abort(), ended) };
}

test('sends READY once, and the status when it changes', async () => {
  const { service, sent, clock } = reporting();
  await clock.advance(5 * SECOND);
  service.status = 'worse';
  await clock.advance(5 * SECOND);
  expect(sent).toEqual([['READY=1', 'STATUS=fine'], ['STATUS=worse']]);
});

test('extends the start timeout while it is not ready', async () => {
  const { service, sent, clock } = reporting({ ready: false });
  await clock.advance(2 * SECOND);
  service.ready = true;
  await clock.advance(2 * SECOND);
  const waiting = 'EXTEND_TIMEOUT_USEC=30000000';
  expect(sent).toEqual([[waiting, 'STATUS=fine'], [waiting], [waiting], ['READY=1']]);
});

test('feeds the watchdog after half of its time', async () => {
  const { sent, clock } = reporting({ watchdogMs: 30 * SECOND });
  await clock.advance(60 * SECOND);
  expect(sent.flat().filter((line) => line === 'WATCHDOG=1')).toHaveLength(5);
});

test('feeds a short watchdog in time', async () => {
  const { sent, clock } = reporting({ watchdogMs: SECOND });
  await clock.advance(10 * SECOND);
  expect(sent.flat().filter((line) => line === 'WATCHDOG=1')).toHaveLength(21);
});

test('repeats a message that was not accepted, and logs that once', async () => {
  const { service, sent, clock, lines } = reporting({ deaf: true });
  await clock.advance(3 * SECOND);
  service.deaf = false;
  await clock.advance(2 * SECOND);
  expect(sent).toEqual([['READY=1', 'STATUS=fine']]);
  expect(lines.map(({ fields }) => fields['code'])).toEqual(['SERVICE_MANAGER_UNREACHED']);
});

test('announces a reload with its time, and its end with READY', async () => {
  const { sent, clock, report } = reporting();
  await clock.advance(0);
  await report.reloading(1234n);
  await report.reloaded();
  await report.reloaded();
  expect(sent.slice(1)).toEqual([['RELOADING=1', 'MONOTONIC_USEC=1234'], ['READY=1']]);
});

test('a reload does not complete an incomplete start', async () => {
  const { sent, report, stop } = reporting({ ready: false });
  await stop();
  sent.length = 0;
  await report.reloading(1n);
  await report.reloaded();
  expect(sent).toEqual([]);
});

test('announces its stop', async () => {
  const { sent, report, stop } = reporting();
  await stop();
  await report.stopping();
  expect(sent.at(-1)).toEqual(['STOPPING=1', 'STATUS=stopping']);
});
