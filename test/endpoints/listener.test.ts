import { connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { type Answer, answerOf } from '../../src/endpoints/answer.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import { listenAt } from '../../src/endpoints/listen.ts';
import { buildListener, type ListenerParts } from '../../src/endpoints/listener.ts';
import type { EndpointRequest } from '../../src/endpoints/request.ts';
import { requestGuard } from '../../src/endpoints/request-guard.ts';
import type { LogFields } from '../../src/foundation/logger.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const OK = answerOf(200, ['content-type', 'text/plain'], 'answer', { resource: 'token' });

/** A listening endpoint, and what its observers got. */
class Seen {
  readonly connected: Socket[] = [];
  readonly answered: (readonly [EndpointRequest, Answer])[] = [];
  readonly log: (readonly [level: string, message: string, fields: LogFields])[] = [];
  #port = 0;

  static async at(parts: Partial<ListenerParts> = {}, levels = ['debug', 'warn']): Promise<Seen> {
    const seen = new Seen();
    const log = (level: string, message: string, fields: LogFields = {}): void => {
      seen.log.push([level, message, fields]);
    };
    const server = await buildListener({
      kind: 'imds',
      guard: requestGuard({ host: '127.0.0.1', allowedHosts: [] }),
      handler: () => OK,
      failure: (status) => answerOf(status, [], `failed with ${status}`),
      limits: serverLimits,
      connected: (socket) => seen.connected.push(socket),
      answered: (request, answer) => seen.answered.push([request, answer]),
      clock: new VirtualClock(),
      log: Object.assign(log, { isEnabled: (level: string) => levels.includes(level) }),
      ...parts,
    });
    const { address, close } = await listenAt(server, { host: '127.0.0.1', port: 0 }, 'a test');
    onTestFinished(close);
    seen.#port = Number(new URL(address).port);
    return seen;
  }

  /** Sends requests on a connection of their own. @returns everything received, one character for each byte. */
  async send(target: string, more = ''): Promise<string> {
    const socket = connect(this.#port, '127.0.0.1');
    socket.end(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${more}\r\n`);
    return (await buffer(socket)).toString('latin1');
  }
}

test('calls the observers with each connection, request and answer', async () => {
  const seen = await Seen.at();
  expect(await seen.send('/one')).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nanswer$/);
  await seen.send('/two');
  expect(seen.connected).toHaveLength(2);
  expect(seen.answered.map(([{ target }, answer]) => [target, answer])).toEqual([
    ['/one', OK],
    ['/two', OK],
  ]);
});

test('tells the observers why a request was refused, and does not ask the handler', async () => {
  const seen = await Seen.at({ handler: () => expect.fail('it was asked') });
  expect(await seen.send('/', 'Origin: https://example.com\r\n')).toMatch(/^HTTP\/1\.1 403 [^]*failed with 403$/);
  expect(seen.answered.map(([, { status, outcome }]) => ({ status, ...outcome }))).toEqual([
    {
      status: 403,
      resource: 'none',
      refusal: expect.objectContaining({ code: 'ENDPOINT_BROWSER_REFUSED' }) as unknown,
    },
  ]);
  expect(seen.log).toContainEqual([
    'warn',
    'imds request refused',
    expect.objectContaining({ code: 'ENDPOINT_BROWSER_REFUSED' }),
  ]);
});

test('logs requests without their query, if that level is logged', async () => {
  const seen = await Seen.at();
  await seen.send('/latest/meta-data/?secret');
  expect(seen.log).toEqual([['debug', 'imds request', { method: 'GET', path: '/latest/meta-data/', status: 200 }]]);
  const quiet = await Seen.at({}, ['warn']);
  await quiet.send('/');
  expect(quiet.log).toEqual([]);
});

test.each<[string, ListenerParts['handler']]>([
  [
    'throws',
    () => {
      throw new Error('a fault');
    },
  ],
  ['rejects', () => Promise.reject(new Error('a fault'))],
])('answers 503 for a handler that %s', async (_, handler) => {
  const seen = await Seen.at({ handler });
  expect(await seen.send('/')).toMatch(/^HTTP\/1\.1 503 [^]*failed with 503$/);
  expect(seen.log).toContainEqual([
    'warn',
    'imds request refused',
    expect.objectContaining({ code: 'ENDPOINT_INTERNAL', cause: 'a fault' }),
  ]);
});

test('sends text as UTF-8, with its length in bytes', async () => {
  const seen = await Seen.at({ handler: () => answerOf(200, [], 'Gerät') });
  expect(await seen.send('/')).toMatch(/\r\ncontent-length: 6\r\n[^]*\r\n\r\nGer\xc3\xa4t$/);
});
