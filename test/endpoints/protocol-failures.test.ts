import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { boundedServer, refuseProtocol, serverLimits } from '../../src/endpoints/bounded-server.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What a connection is told, and whether it is closed. */
function connection(state: Partial<Socket> = {}) {
  const destroy = vi.fn();
  const end = vi.fn<(text: string) => void>();
  return { socket: { writable: true, ...state, destroy, end } as unknown as Socket, destroy, end };
}

describe('a connection that sent something other than HTTP', () => {
  it.each([
    [{ code: 'HPE_HEADER_OVERFLOW' }, '431 Request Header Fields Too Large'],
    [{ code: 'ERR_HTTP_REQUEST_TIMEOUT' }, '408 Request Timeout'],
    [{ code: 'HPE_INVALID_METHOD' }, '400 Bad Request'],
    [{}, '400 Bad Request'],
  ])('is told the reason of %j, and closed after half a second', (error, status) => {
    const { socket, destroy, end } = connection();
    refuseProtocol(error, socket);
    expect(end.mock.calls).toEqual([[expect.stringMatching(new RegExp(`^HTTP/1\\.1 ${status}\\r\\n[^]*</html>$`))]]);
    vi.advanceTimersByTime(499);
    expect(destroy).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(destroy).toHaveBeenCalledOnce();
  });

  it.each([
    ['that was reset', {}, { code: 'ECONNRESET' }],
    ['that takes no more data', { writable: false }, { code: 'HPE_INVALID_METHOD' }],
  ])('and %s is closed at once', (_, state, error) => {
    const { socket, destroy, end } = connection(state);
    refuseProtocol(error, socket);
    expect([destroy.mock.calls.length, end.mock.calls.length]).toEqual([1, 0]);
  });

  it('is told once, and left the time to read it', () => {
    const { socket, destroy, end } = connection({ writable: false, writableEnded: true, destroyed: false });
    refuseProtocol({ code: 'HPE_INVALID_METHOD' }, socket);
    expect([destroy.mock.calls.length, end.mock.calls.length]).toEqual([0, 0]);
  });
});

it('a connection that cannot be accepted does not end the process', () => {
  const server = boundedServer(serverLimits, () => undefined);
  expect(() => server.emit('error', new Error('accept EMFILE'))).not.toThrow();
});
