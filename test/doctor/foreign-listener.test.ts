import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { ENDPOINTS } from '../../src/doctor/endpoint-steps.ts';
import type { Found, Known, Request } from '../../src/doctor/step.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { describeAttack, freshDirectory, OTHER_USER } from '../files/support.ts';

// While no daemon runs, its port is free for every user.

const TOKEN = 't'.repeat(43);

/** Notes the tokens it gets, and listens as this user. */
async function listener(
  uid: number,
  place = { host: '127.0.0.1', port: 0 },
): Promise<{ readonly port: number; readonly tokens: readonly unknown[] }> {
  const tokens: unknown[] = [];
  const server = createServer(({ headers }, response) => {
    tokens.push(headers.authorization);
    response.end(JSON.stringify({ AccessKeyId: 'ASIAEXAMPLE', Expiration: '2999-01-01T00:00:00Z' }));
  });
  const self = process.geteuid?.() ?? 0;
  process.seteuid?.(uid);
  await new Promise<void>((resolve) => server.listen(place, resolve));
  process.seteuid?.(self);
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, tokens };
}

async function asked(port: number, user?: Known['user']): Promise<Found> {
  const file = path.join(freshDirectory(), 'token');
  writeFileSync(file, TOKEN, { mode: 0o600 });
  const container = { host: '127.0.0.1', port, allowedHosts: [], tokens: [{ client: 'a', file, roles: ['r'] }] };
  const roleArn = 'arn:aws:iam::111122223333:role/r';
  const known = { config: { container } as unknown as Config, roles: [{ name: 'r', roleArn }], user, facts: [] };
  return ENDPOINTS.check(known as unknown as Known, { clock: systemClock } as Request);
}

describeAttack('doctor of root, at the container endpoint', () => {
  test('sends no token to a listener of another user', async () => {
    const { port, tokens } = await listener(OTHER_USER);
    const { findings = [] } = await asked(port);
    expect(findings).toMatchObject([{ code: 'ENDPOINT_FOREIGN', message: expect.stringContaining('65534') as string }]);
    expect(tokens).toEqual([]);
  });

  test('not even next to a listener of root at another address', async () => {
    const { port, tokens } = await listener(OTHER_USER);
    await listener(0, { host: '127.0.0.2', port });
    expect((await asked(port)).findings).toMatchObject([{ code: 'ENDPOINT_FOREIGN' }]);
    expect(tokens).toEqual([]);
  });

  test('unless that is the user of the daemon', async () => {
    const { port, tokens } = await listener(OTHER_USER);
    expect(await asked(port, { name: 'the user nobody', uid: OTHER_USER, gids: [] })).toMatchObject({ findings: [] });
    expect(tokens).toEqual([TOKEN]);
  });

  test('asks a listener of root', async () => {
    const { port, tokens } = await listener(0);
    expect(await asked(port)).toMatchObject({ findings: [] });
    expect(tokens).toEqual([TOKEN]);
  });
});
