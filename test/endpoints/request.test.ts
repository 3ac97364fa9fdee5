import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { answerOf, errorPage, withHeader, withOutcome } from '../../src/endpoints/answer.ts';
import { endpointRequest, loggedPath, pathNames, requestHeaders } from '../../src/endpoints/request.ts';

describe('the names of a path', () => {
  it.each<[string, readonly string[] | undefined]>([
    ['/', []],
    ['//latest//meta-data/', ['latest', 'meta-data']],
    ['/latest?token=/secret', ['latest']],
    ['/a?b?c', ['a']],
    ['/%6catest/caf%C3%A9', ['latest', 'café']],
    // No normalisation: these are ordinary names, which nothing has.
    ['/latest/../latest', ['latest', '..', 'latest']],
    ['/latest%3Fx', ['latest?x']],
    ['/latest%2Fmeta-data', undefined],
    ['/latest%2f', undefined],
    ['/%', undefined],
    ['/%ff', undefined],
  ])('of %s', (target, names) => {
    expect(pathNames(target)).toEqual(names);
  });
});

describe('the path in a log line', () => {
  it.each([
    ['/latest/api/token?secret', '/latest/api/token'],
    ['/a?b?c', '/a'],
    [`/${'x'.repeat(300)}`, `/${'x'.repeat(199)}`],
  ])('%s', (target, logged) => {
    expect(loggedPath(target)).toBe(logged);
  });
});

describe('headers', () => {
  const headers = requestHeaders(['HOST', 'one', 'X-Host', 'other', 'host', 'two', 'Accept', 'Host', 'empty', '']);

  it('have all their values, in order, whatever the case of their names', () => {
    expect(headers.get('host')).toEqual(['one', 'two']);
    expect(headers.get('accept')).toEqual(['Host']);
    expect(headers.get('empty')).toEqual(['']);
  });

  it('that are missing have none', () => {
    expect([headers.get('origin'), headers.get('one'), headers.get('')]).toEqual([undefined, undefined, undefined]);
    expect(['host', 'empty', 'origin', 'one'].map((name) => headers.has(name))).toEqual([true, true, false, false]);
    expect(requestHeaders([]).has('host')).toBe(false);
  });
});

it('a request has the unchanged target and the local address of its connection', () => {
  const socket = { localAddress: '127.0.0.1', localPort: 9_911 };
  const message = { method: 'PUT', url: '/', rawHeaders: ['Host', 'localhost'], socket } as unknown as IncomingMessage;
  const request = endpointRequest(message, '/latest?x');
  expect([request.method, request.target, request.headers.get('host')]).toEqual(['PUT', '/latest?x', ['localhost']]);
  expect(request.connection).toBe(socket);
  expect(request.local).toEqual({ address: '127.0.0.1', port: 9_911 });
  const gone = endpointRequest({ rawHeaders: [], socket: {} } as unknown as IncomingMessage, '/');
  expect([gone.method, gone.local]).toEqual(['', { address: '', port: 0 }]);
});

describe('an answer', () => {
  it('has the length of its body in bytes, one character for each', () => {
    const { headers, body, outcome } = answerOf(200, ['content-type', 'text/plain'], 'Größe €');
    expect(headers).toEqual(['content-type', 'text/plain', 'content-length', '11']);
    expect(Buffer.from(body, 'latin1').toString('utf8')).toBe('Größe €');
    expect(outcome).toEqual({ resource: 'other' });
    expect(answerOf(200, [], 'line\n').body).toBe('line\n');
  });

  it('keeps the rest when a header or an outcome is added', () => {
    const answer = answerOf(404, [], 'gone', { resource: 'credentials' });
    expect(withHeader(answer, 'allow', 'GET')).toEqual({ ...answer, headers: ['content-length', '4', 'allow', 'GET'] });
    expect(withOutcome(answer, { resource: 'none' })).toEqual({ ...answer, outcome: { resource: 'none' } });
  });

  it('that reports an error is a whole page', () => {
    expect(errorPage('400 Bad Request', 'Closed.')).toBe(
      '<html><head><title>400 Bad Request</title></head><body><h1>400 Bad Request</h1><p>Closed.</p></body></html>',
    );
  });
});
