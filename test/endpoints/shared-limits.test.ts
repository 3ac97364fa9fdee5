import { describe, expect, it } from 'vitest';
import { sharedLimits } from '../../src/endpoints/bounded-server.ts';

describe('connections of an endpoint', () => {
  it.each([
    [1_048_576, 1, 2_000],
    [1_024, 1, 896],
    [1_024, 7, 128],
    [1_024, 0, 896],
    [100, 1, 1],
    [undefined, 5, 2_000],
  ])('with %s descriptors, one of %i endpoints: %i', (openFiles, endpoints, connections) => {
    expect(sharedLimits(openFiles, () => endpoints).connections).toBe(connections);
  });

  it('decrease when endpoints are added', () => {
    let endpoints = 1;
    const limits = sharedLimits(1_128, () => endpoints);
    expect(limits.connections).toBe(1_000);
    endpoints = 4;
    expect(limits.connections).toBe(250);
  });
});
