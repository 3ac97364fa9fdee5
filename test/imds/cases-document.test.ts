import { Agent, get as httpGet } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { HeldSession } from '../../src/endpoints/held-session.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { CREDENTIALS, Endpoint, roleSession } from './endpoint.ts';

const EXTENDED = '/latest/meta-data/iam/security-credentials-extended';
const IDENTITY = '/latest/dynamic/instance-identity/document';

const FIRST_DOCUMENT = `{
  "Code" : "Success",
  "LastUpdated" : "2026-11-22T12:00:00Z",
  "Type" : "AWS-HMAC",
  "AccessKeyId" : "ASIASESSION1",
  "SecretAccessKey" : "the-secret-key/1",
  "Token" : "the-session-token/1",
  "Expiration" : "2026-11-22T13:00:00Z",
  "AccountId" : "123456789012"
}`;

const ODD_ROLE = 'Odd+role=name,with.all@_of-them';

describe('credentials', () => {
  it('case 10: lists only the name of the role', async () => {
    const endpoint = await Endpoint.open();
    const response = await endpoint.get(`${CREDENTIALS}/`);
    expect(response).toMatchObject({ status: 200, body: 'R' });
    expect(response.headers['content-type']).toBe('text/plain');
  });

  it('case 11: serves the role list without a slash and without a redirect', async () => {
    const endpoint = await Endpoint.open();
    expect(await endpoint.get(CREDENTIALS)).toMatchObject({ status: 200, body: 'R' });
  });

  it.each([`${CREDENTIALS}/R`, `${CREDENTIALS}/R/`])('case 12: serves the document at %s', async (path) => {
    const endpoint = await Endpoint.open();
    expect(await endpoint.get(path)).toMatchObject({ status: 200, body: FIRST_DOCUMENT });
  });

  it('case 12: answers HEAD with the headers of GET', async () => {
    const endpoint = await Endpoint.open();
    const response = await endpoint.request('HEAD', `${CREDENTIALS}/R`, [
      ['X-aws-ec2-metadata-token', await endpoint.token()],
    ]);
    expect(response).toMatchObject({ status: 200, body: '' });
    expect(response.headers['content-length']).toBe(String(FIRST_DOCUMENT.length));
  });

  it.each([
    [`${CREDENTIALS}//R`, FIRST_DOCUMENT],
    [`/${CREDENTIALS}/R`, FIRST_DOCUMENT],
    ['/latest//meta-data/iam///security-credentials//R//', FIRST_DOCUMENT],
    [`/${CREDENTIALS}/`, 'R'],
    ['/latest//meta-data/iam/security-credentials', 'R'],
    [`${CREDENTIALS}/R?query=ignored`, FIRST_DOCUMENT],
  ])('case 13: serves %s without a redirect', async (path, body) => {
    const endpoint = await Endpoint.open();
    expect(await endpoint.get(path)).toMatchObject({ status: 200, body });
  });

  it.each([
    `${CREDENTIALS}/R%20x`,
    `${CREDENTIALS}/r`,
    `${CREDENTIALS}/Other`,
    `${CREDENTIALS}/R/more`,
    `${CREDENTIALS}/../..`,
    `${CREDENTIALS}/../security-credentials/R`,
    `${CREDENTIALS}/./R`,
    `${CREDENTIALS}/x/../R`,
    `${CREDENTIALS}/%2e%2e/security-credentials/R`,
    `${CREDENTIALS}%2FR`,
    `${CREDENTIALS}/R%2F`,
    `${CREDENTIALS}/%2FR`,
    `${CREDENTIALS}/%52%zz`,
    `${CREDENTIALS}/R%`,
    `${CREDENTIALS}/R%00`,
    `${CREDENTIALS}/R%0A`,
    `${CREDENTIALS}/R;x`,
    `${CREDENTIALS}\\R`,
    `${CREDENTIALS}/R#x`,
    `${CREDENTIALS}/%2552`,
    '/LATEST/meta-data',
    '/latest/meta-data/instance-id',
    '/latest/user-data',
    '/latest/api',
    '/__proto__',
    '/latest/constructor',
  ])('case 14: answers 404 at %s', async (path) => {
    const endpoint = await Endpoint.open({ region: 'us-east-1' });
    const response = await endpoint.get(path);
    expect(response.status).toBe(404);
    expect(response.body).toMatch(/^<html>.* .*<\/html>$/);
  });

  it.each([ODD_ROLE, encodeURIComponent(ODD_ROLE), 'Odd+role=name%2Cwith.all%40_of-them'])(
    'case 15: accepts the role name as %s',
    async (name) => {
      const endpoint = await Endpoint.open({ roleName: ODD_ROLE });
      expect((await endpoint.get(`${CREDENTIALS}/`)).body).toBe(ODD_ROLE);
      expect(await endpoint.get(`${CREDENTIALS}/${name}`)).toMatchObject({ status: 200, body: FIRST_DOCUMENT });
    },
  );

  it.each([EXTENDED, `${EXTENDED}/`])('case 21: serves the extended list at %s', async (path) => {
    const endpoint = await Endpoint.open();
    expect(await endpoint.get(path)).toMatchObject({ status: 200, body: 'R' });
  });

  it('case 21: has the AccountId in the extended document', async () => {
    const endpoint = await Endpoint.open();
    const { body } = await endpoint.get(`${EXTENDED}/R`);
    expect(JSON.parse(body)).toMatchObject({ Code: 'Success', AccountId: '123456789012' });
  });

  it('case 34: writes every time with whole seconds and a Z', async () => {
    const endpoint = await Endpoint.open({ clock: new VirtualClock('2026-11-22T12:00:00.789Z') });
    const { Expiration, LastUpdated } = JSON.parse((await endpoint.get(`${CREDENTIALS}/R`)).body) as Record<
      string,
      string
    >;
    for (const time of [Expiration, LastUpdated]) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });
});

describe('other paths', () => {
  it.each([
    ['/latest/meta-data/placement/region', 'eu-central-1'],
    ['/latest/meta-data/placement/availability-zone', 'eu-central-1a'],
    ['/latest/meta-data/placement/availability-zone/', 'eu-central-1a'],
    ['/latest/meta-data/placement/', 'availability-zone\nregion'],
    ['/latest/dynamic/', 'instance-identity/'],
    ['/latest/dynamic/instance-identity', 'document'],
    ['/latest/', 'dynamic\nmeta-data'],
    ['/latest/meta-data/', 'iam/\nplacement/'],
  ])('case 22: serves %s if there is a region', async (path, body) => {
    const endpoint = await Endpoint.open({ region: 'eu-central-1' });
    expect(await endpoint.get(path)).toMatchObject({ status: 200, body });
  });

  it('case 22: has only known values in the identity document', async () => {
    const endpoint = await Endpoint.open({ region: 'eu-central-1', availabilityZone: 'eu-central-1c' });
    expect(JSON.parse((await endpoint.get(IDENTITY)).body)).toEqual({
      accountId: '123456789012',
      availabilityZone: 'eu-central-1c',
      region: 'eu-central-1',
      version: '2017-09-30',
    });
  });

  it.each([
    '/latest/meta-data/placement/region',
    '/latest/meta-data/placement/availability-zone',
    '/latest/meta-data/placement/',
    IDENTITY,
    '/latest/dynamic',
  ])('case 22: answers 404 at %s without a region', async (path) => {
    const endpoint = await Endpoint.open();
    expect((await endpoint.get(path)).status).toBe(404);
  });

  it.each(['/latest/meta-data/iam/info', '/latest/meta-data/iam/info/'])('case 23: %s', async (path) => {
    const endpoint = await Endpoint.open();
    expect(JSON.parse((await endpoint.get(path)).body)).toEqual({
      Code: 'Success',
      LastUpdated: '2026-11-22T12:00:00Z',
      InstanceProfileArn: 'arn:aws:iam::123456789012:instance-profile/R',
    });
  });

  it.each([
    ['/latest', 'meta-data'],
    ['/latest/', 'meta-data'],
    ['/latest/meta-data', 'iam/'],
    ['/latest/meta-data/', 'iam/'],
    ['/latest/meta-data/iam', 'info\nsecurity-credentials/\nsecurity-credentials-extended/'],
    ['/latest/meta-data/iam/', 'info\nsecurity-credentials/\nsecurity-credentials-extended/'],
  ])('case 24: lists %s', async (path, body) => {
    const endpoint = await Endpoint.open();
    expect(await endpoint.get(path)).toMatchObject({ status: 200, body });
  });

  it('case 24: lists the versions at /', async () => {
    const endpoint = await Endpoint.open();
    const { status, body } = await endpoint.get('/');
    expect(status).toBe(200);
    expect(body.split('\n')).toEqual(expect.arrayContaining(['1.0', '2021-07-15', 'latest']));
  });

  it.each(['1.0', '2021-07-15', '2009-04-04'])('case 25: serves version %s like latest', async (version) => {
    const endpoint = await Endpoint.open();
    const path = `${CREDENTIALS}/R`.replace('latest', version);
    expect(await endpoint.get(path)).toMatchObject({ status: 200, body: FIRST_DOCUMENT });
  });

  it.each(['nonsense', '2021-07-16', 'latest2'])('case 25: answers 404 for version %s', async (version) => {
    const endpoint = await Endpoint.open();
    expect((await endpoint.get(`${CREDENTIALS}/R`.replace('latest', version))).status).toBe(404);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'TRACE'])(
    'rejects %s and names the allowed methods',
    async (method) => {
      const endpoint = await Endpoint.open();
      const response = await endpoint.request(method, `${CREDENTIALS}/R`, [
        ['X-aws-ec2-metadata-token', await endpoint.token()],
      ]);
      expect(response.status).toBe(405);
      expect(response.headers['allow']).toBe('GET, HEAD');
    },
  );
});

describe('changes of the session', () => {
  it.each(['iam/security-credentials/R', 'iam/security-credentials-extended/R', 'iam/info'])(
    'case 30: answers 503 at %s without a session, and still serves the list',
    async (path) => {
      const endpoint = await Endpoint.open();
      endpoint.session = undefined;
      expect((await endpoint.get(`/latest/meta-data/${path}`)).status).toBe(503);
      expect(await endpoint.get(`${CREDENTIALS}/`)).toMatchObject({ status: 200, body: 'R' });
      endpoint.session = roleSession(2, endpoint.clock);
      expect((await endpoint.get(`/latest/meta-data/${path}`)).status).toBe(200);
    },
  );

  it('case 30: waits for the very first session, at most 250 ms', async () => {
    const waits: number[] = [];
    const clock = new VirtualClock();
    let held: RoleSession | undefined;
    const session: HeldSession = {
      current: () => held,
      waitForFirst: (ms) => {
        waits.push(ms);
        if (waits.length > 1) held = roleSession(1, clock);
        return Promise.resolve();
      },
    };
    const endpoint = await Endpoint.open({ session, clock });
    expect((await endpoint.get(`${CREDENTIALS}/R`)).status).toBe(503);
    expect(await endpoint.get(`${CREDENTIALS}/R`)).toMatchObject({ status: 200, body: FIRST_DOCUMENT });
    expect(waits).toEqual([250, 250]);
  });

  it('case 31: answers without waiting while there is a session', async () => {
    const clock = new VirtualClock();
    const held = roleSession(1, clock);
    const never = new Promise<void>(() => undefined);
    const endpoint = await Endpoint.open({ clock, session: { current: () => held, waitForFirst: () => never } });
    for (let at = 0; at < 50; at += 1) expect((await endpoint.get(`${CREDENTIALS}/R`)).status).toBe(200);
  });

  it('case 32: gives a thousand readers complete sessions during changes, never an older one', async () => {
    const endpoint = await Endpoint.open();
    const headers = { 'X-aws-ec2-metadata-token': await endpoint.token() };
    const agent = new Agent({ keepAlive: true, maxSockets: 20 });
    let sessions = 1;
    const swapper = setInterval(() => {
      sessions += 1;
      endpoint.clock.step(1_000);
      endpoint.session = roleSession(sessions, endpoint.clock);
    }, 1);
    const reader = async (): Promise<void> => {
      let last = '';
      for (let at = 0; at < 50; at += 1) {
        const seen = wholeSession(await body(endpoint.port, `${CREDENTIALS}/R`, headers, agent));
        expect(seen >= last).toBe(true);
        last = seen;
      }
    };
    await Promise.all(Array.from({ length: 20 }, reader));
    clearInterval(swapper);
    agent.destroy();
    expect(sessions).toBeGreaterThan(3);
  });

  it('case 33: shows the real expiration of a renewed session at once', async () => {
    const endpoint = await Endpoint.open();
    for (let renewal = 1; renewal <= 48; renewal += 1) {
      endpoint.clock.step(30 * 60_000);
      const { Expiration = '' } = JSON.parse((await endpoint.get(`${CREDENTIALS}/R`)).body) as Record<string, string>;
      expect(Date.parse(Expiration) - endpoint.clock.now()).toBe(30 * 60_000);
      endpoint.session = roleSession(renewal + 1, endpoint.clock);
      expect((await endpoint.get(`${CREDENTIALS}/R`)).body).toContain(`ASIASESSION${renewal + 1}"`);
    }
  });
});

/** All parts must carry one number; returns the expiration. */
function wholeSession(text: string): string {
  const document = JSON.parse(text) as Record<string, string>;
  const numbers = ['AccessKeyId', 'SecretAccessKey', 'Token'].map((key) => /\d+$/.exec(document[key] ?? '')?.[0]);
  expect(new Set(numbers).size).toBe(1);
  return document['Expiration'] ?? '';
}

function body(port: number, path: string, headers: Record<string, string>, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    httpGet({ host: '127.0.0.1', port, path, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve(Buffer.concat(chunks).toString());
      });
    }).on('error', reject);
  });
}
