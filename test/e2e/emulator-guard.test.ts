import { beforeAll, describe, expect, test } from 'vitest';
import { rawExchange, type RawResponse } from '../support/raw-http.ts';
import { Workshop } from '../support/workshop.ts';

// A web page in a browser on this machine can send requests to loopback, with its own host name by
// DNS rebinding. Events contain certificates, and faults belong to tests.

let workshop: Workshop;
let port: number;

beforeAll(async () => {
  workshop = await Workshop.open();
  port = Number(new URL((await workshop.emulator()).url).port);
  return workshop.close;
});

async function ask(request: string, headers: readonly string[], at = port): Promise<RawResponse> {
  const body = '{"createSession":{"status":503}}';
  return rawExchange(at, [`${request} HTTP/1.1`, ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n'));
}

const REQUESTS = ['GET /_emulator/events', 'PUT /_emulator/faults', 'DELETE /_emulator/calls', 'POST /sessions'];

describe('the emulator rejects', () => {
  test.each(REQUESTS)('%s with an unknown host name', async (request) => {
    const response = await ask(request, ['Host: evil.example']);
    expect(response.status).toBe(403);
    expect(response.headers['x-emulator-detail']).toContain('evil.example');
    expect(await ask('GET /_emulator/faults', [`Host: 127.0.0.1:${port}`])).toMatchObject({ status: 200, body: '{}' });
  });

  test.each(['Origin: https://evil.example', 'Origin: null', 'Sec-Fetch-Site: cross-site'])('%s', async (header) => {
    for (const request of REQUESTS)
      expect(await ask(request, [`Host: 127.0.0.1:${port}`, header])).toMatchObject({ status: 403 });
    expect(await ask('GET /_emulator/faults', [`Host: localhost:${port}`])).toMatchObject({ status: 200, body: '{}' });
  });
});

test('--allowed-host allows the name of its container', async () => {
  const emulator = await workshop.emulator('--allowed-host', 'emulator', 'other');
  const at = Number(new URL(emulator.url).port);
  for (const name of ['emulator', `other:${at}`, `127.0.0.1:${at}`])
    expect(await ask('GET /_emulator', [`Host: ${name}`], at)).toMatchObject({ status: 200 });
  expect(await ask('GET /_emulator', ['Host: third'], at)).toMatchObject({ status: 403 });
});

test('it warns if and only if other machines can reach it', async () => {
  const args = ['emulate', '--dir', `${workshop.directory}/open`, '--listen'];
  const open = workshop.start([...args, '0.0.0.0:0']);
  await open.says(/reachable from other machines/);
  await open.stop();
  const closed = workshop.start([...args, '127.0.0.1:0']);
  await closed.says(/AWS_ENDPOINT_URL_STS/);
  await closed.stop();
  expect(closed.stderr).not.toContain('other machines');
});
