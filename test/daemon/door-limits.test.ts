import { describe, expect, it } from 'vitest';
import { doorLimits } from '../../src/daemon/door-limits.ts';

describe('connections of a door', () => {
  it.each([
    [1_048_576, 1, 2_000],
    [1_024, 1, 896],
    [1_024, 7, 128],
    [1_024, 0, 896],
    [100, 1, 1],
    [undefined, 5, 2_000],
  ])('with %s descriptors, one of %i doors: %i', (openFiles, doors, connections) => {
    expect(doorLimits(openFiles, () => doors).connections).toBe(connections);
  });

  it('become fewer when doors are added', () => {
    let doors = 1;
    const limits = doorLimits(1_128, () => doors);
    expect(limits.connections).toBe(1_000);
    doors = 4;
    expect(limits.connections).toBe(250);
  });
});
