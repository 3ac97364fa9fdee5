import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';
import { type Contender, observed, ours, yardsticks } from './contenders.ts';
import { hasWrk, type Load, runLoad } from './load.ts';
import { fullTable, shortTable, withBlock } from './page.ts';
import { cpuMicroseconds, residentMegabytes } from './process-cost.ts';
import { interleaved, ratioOf, type Row } from './row.ts';
import { withRunning } from './running.ts';

describe('a comparison', () => {
  test('pairs the rounds, and is above 1 if the helper needs more', () => {
    expect(ratioOf({ helper: [10, 40, 30], ours: [10, 20, 10] })).toEqual({ median: 2, from: 1, to: 3 });
  });

  test('prints no comparison without the helper', () => {
    expect(ratioOf({ ours: [1] })).toBeUndefined();
  });

  test('takes every program in turn, and in the opposite order in the next round', async () => {
    const order: string[] = [];
    const samples = await interleaved([{ name: 'a' }, { name: 'b' }], 2, ({ name }) =>
      Promise.resolve(order.push(name)),
    );
    expect(order).toEqual(['a', 'b', 'b', 'a']);
    expect([...samples]).toEqual([
      ['a', [1, 4]],
      ['b', [2, 3]],
    ]);
  });
});

describe('the page', () => {
  const row: Row = { title: 'read', unit: 'µs CPU', samples: { helper: [15], ours: [12], node: [11.2] } };

  test('has a row for each thing measured', () => {
    expect(
      fullTable([row])
        .split('\n')
        .at(-1)
        ?.split('|')
        .map((cell) => cell.trim()),
    ).toEqual(['', 'read', 'µs CPU', '15', '12', '1.25', '1.25 to 1.25', '11', '']);
  });

  test('has a column for another build if one was measured', () => {
    const [head] = fullTable([row, { ...row, samples: { ours: [12], other: [20] } }]).split('\n');
    expect(head).toMatch(/ half of the rounds \| other build \| bare Node \|$/);
  });

  test.each([
    [[10, 40, 30], [10, 20, 10], '| 30 | **10** | 2.00 |'],
    [[10, 10], [20, 20], '| **10** | 20 | 0.50 |'],
    [[10, 10], [10, 10], '| 10 | 10 | 1.00 |'],
    // Two of three rounds against the medians.
    [[10, 20, 30], [9, 25, 29], '| 20 | 25 | 1.03 |'],
  ])('marks who needs less, of %j and %j', (helper, ours, cells) => {
    const short = shortTable([{ title: 'read', unit: 'µs CPU', samples: { helper, ours } }], ['read']);
    expect(short.replaceAll(/ +/g, ' ')).toContain(cells);
  });

  test('changes only between its marks', () => {
    const page = 'a\n<!-- x -->\nold\n<!-- end of x -->\nb';
    expect(withBlock(page, 'x', 'new')).toBe('a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb');
    expect(() => withBlock('a', 'x', 'new')).toThrow('no <!-- x -->');
  });
});

describe('what is measured', () => {
  let workshop: Workshop;
  let emulator: RunningEmulator;

  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
  });
  afterAll(() => workshop.close());

  const measured = (contender: Contender, kinds: readonly Load['kind'][], withWrk: boolean): Promise<void> =>
    withRunning([contender], undefined, async ([running]) => {
      if (!running) throw new Error('nothing runs');
      expect(running.answeringMs).toBeGreaterThanOrEqual(running.listeningMs);
      expect(residentMegabytes(running.pid)).toBeGreaterThan(1);
      for (const kind of kinds) {
        const before = cpuMicroseconds(running.pid);
        const { requests, p99Us } = await runLoad(
          running.target,
          { kind, connections: 2, seconds: 1 },
          undefined,
          withWrk,
        );
        expect(requests).toBeGreaterThan(10);
        expect(p99Us).toBeGreaterThan(1);
        expect((cpuMicroseconds(running.pid) - before) / requests).toBeGreaterThan(1);
      }
    });

  test('answers every kind of load', async () => {
    await measured(ours(emulator), ['read', 'token', 'flow'], false);
  });

  test('answers every kind of load of wrk', async ({ skip }) => {
    if (!hasWrk && process.env['CI']) throw new Error('CI lacks wrk; .ci/run has to install it');
    skip(!hasWrk, 'this machine has no wrk');
    await measured(ours(emulator), ['read', 'token', 'flow'], true);
  });

  test('answers with every check of requests enabled', async () => {
    await measured(observed(emulator), ['read'], false);
  });

  test('includes the yardsticks', async () => {
    for (const yardstick of yardsticks(workshop.directory))
      await measured(yardstick, yardstick.name === 'node' ? ['read', 'token', 'flow'] : ['read'], false);
  });
});
