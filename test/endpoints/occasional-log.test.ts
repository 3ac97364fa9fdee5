import { expect, test } from 'vitest';
import { occasionalLog } from '../../src/endpoints/occasional-log.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { HOUR, MINUTE, recordingLog } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function occasional() {
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const complain = occasionalLog(log, clock, 'not answered');
  const complainOf = (code: string): void => {
    complain(new CodedError(code, 'what', 'remedy'));
  };
  return { clock, lines, complain: complainOf };
}

test('logs each code once a minute', async () => {
  const { clock, lines, complain } = occasional();
  for (const code of ['A', 'B', 'A']) complain(code);
  await clock.advance(MINUTE - 1);
  complain('A');
  expect(lines.map(({ level, fields }) => [level, fields['code']])).toEqual([
    ['warn', 'A'],
    ['warn', 'B'],
  ]);
  await clock.advance(1);
  complain('A');
  expect(lines).toHaveLength(3);
});

test('logs again after the clock is set back or forward', () => {
  const { clock, lines, complain } = occasional();
  for (const step of [0, -HOUR, HOUR]) {
    clock.step(step);
    complain('A');
  }
  expect(lines).toHaveLength(3);
});
