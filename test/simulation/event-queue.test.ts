import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue } from './event-queue.ts';

test('returns the earliest first, also while events are added', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(50)), (before, later) => {
      const queue = new EventQueue<{ readonly at: number }>();
      for (const at of before) queue.push({ at });
      const first = queue.pop();
      expect(first?.at).toBe(before.length > 0 ? Math.min(...before) : undefined);
      for (const at of later) queue.push({ at });
      const rest: number[] = [];
      for (let event = queue.pop(); event; event = queue.pop()) rest.push(event.at);
      const left = before.toSorted((one, other) => one - other).slice(1);
      expect(rest).toEqual([...left, ...later].toSorted((one, other) => one - other));
    }),
  );
});
