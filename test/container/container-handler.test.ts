import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  type Client,
  containerHandler,
  type ContainerParts,
  type ContainerRole,
} from '../../src/container/container-handler.ts';
import type { Answer } from '../../src/endpoints/answer.ts';
import { type EndpointRequest, requestHeaders } from '../../src/endpoints/request.ts';
import type { CodedError } from '../../src/foundation/errors.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { roleSession } from '../imds/endpoint.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const clock = new VirtualClock();
const session = roleSession(1, clock);
const connection = new Socket();
const arn = (name: string): string => `arn:aws:iam::123456789012:role/path/${name}`;

/** Whose first session comes while a request waits, where `first` says so. */
function role(name: string, held: RoleSession | undefined, first?: RoleSession): ContainerRole {
  let current = held;
  const waitForFirst = (ms: number): Promise<void> => {
    expect(ms).toBe(250);
    current = first;
    return Promise.resolve();
  };
  return { name, roleArn: arn(name), session: { current: () => current, waitForFirst } };
}

const uploader = role('uploader', session);
const client = (...names: readonly string[]): Client => ({
  client: 'app',
  mayHave: ({ name }) => names.includes(name),
});

/** What a request comes to, and why. */
async function ask(target: string, changes: Partial<ContainerParts> = {}, request: Partial<EndpointRequest> = {}) {
  const refused: CodedError[] = [];
  const parts = {
    roles: () => [uploader, role('reader', session)],
    clientOf: () => client('uploader'),
    refused: (reason: CodedError) => refused.push(reason),
    ...changes,
  };
  const local = { address: '127.0.0.1', port: 80 };
  const asked = { method: 'GET', target, headers: requestHeaders([]), connection, local, ...request };
  const answer: Answer = await containerHandler(parts)(asked);
  return { ...answer, refused: refused.map(({ code, message }) => `${code}: ${message}`) };
}

const GRANTED = { status: 200, outcome: { resource: 'credentials', role: 'uploader', session }, refused: [] };

describe('container credentials', () => {
  it.each(['/v1/credentials/uploader', `/v1/credentials/${arn('uploader')}`, '/v1/credentials', '/v1/credentials/'])(
    'are at %s',
    async (target) => {
      const { body, ...answer } = await ask(target);
      expect(answer).toMatchObject(GRANTED);
      expect(JSON.parse(body)).toMatchObject({ RoleArn: arn('uploader'), AccessKeyId: session.accessKeyId });
    },
  );

  it.each(['/v2/credentials/uploader', '/v1/other/uploader', '/v1/credentials/none', '/v1/credentials/%2f', '/v1'])(
    'are not at %s',
    async (target) => {
      expect(await ask(target)).toMatchObject({ status: 404, outcome: { resource: 'other' }, refused: [] });
    },
  );

  it.each([[['uploader', 'reader']], [[]]])('are not served at the bare path for a client of %j', async (names) => {
    const clientOf = (): Client => client(...names);
    expect(await ask('/v1/credentials', { clientOf })).toMatchObject({ status: 404, refused: [] });
  });

  it.each([
    [[], 'a request has no token'],
    [['Authorization', 'x'], 'the token of a request belongs to no client'],
  ])('with headers %j of an unknown client are rejected', async (headers, why) => {
    const clientOf = (): undefined => undefined;
    const answer = await ask('/v1/credentials/uploader', { clientOf }, { headers: requestHeaders(headers) });
    expect(answer).toMatchObject({ status: 401, refused: [`CONTAINER_TOKEN_REFUSED: ${why}`] });
    expect(answer.outcome).toMatchObject({ resource: 'none', refusal: { code: 'CONTAINER_TOKEN_REFUSED' } });
  });

  it("of another client's role are rejected", async () => {
    const answer = await ask('/v1/credentials/reader', { admits: () => expect.unreachable('asked too early') });
    const why = 'client app asked for role reader, which is not among its roles';
    expect(answer).toMatchObject({ status: 403, refused: [`CONTAINER_ROLE_REFUSED: ${why}`] });
    expect(answer.outcome).toMatchObject({
      resource: 'credentials',
      role: 'reader',
      refusal: { code: 'CONTAINER_ROLE_REFUSED' },
    });
  });

  it.each([
    ['the second of them', ['reader'], 200, 'reader'],
    ['both', ['uploader', 'reader'], 200, 'uploader'],
    ['none of them', [], 403, 'uploader'],
  ])(
    'of an ARN that two roles have are those of the role that the client may use: %s',
    async (_, names, status, role) => {
      const shared = arn('shared');
      const roles = (): ContainerRole[] =>
        [uploader, { ...uploader, name: 'reader' }].map((each) => ({ ...each, roleArn: shared }));
      const answer = await ask(`/v1/credentials/${shared}`, { roles, clientOf: () => client(...names) });
      expect(answer).toMatchObject({ status, outcome: { resource: 'credentials', role } });
    },
  );

  it('of a name are not those of a role with that ARN', async () => {
    // Names have no colons, so this is a precaution.
    const named: ContainerRole = { ...uploader, name: arn('reader') };
    const roles = (): ContainerRole[] => [role('reader', session), named];
    const answer = await ask(`/v1/credentials/${arn('reader')}`, {
      roles,
      clientOf: () => client('reader', named.name),
    });
    expect(answer.outcome).toMatchObject({ role: named.name });
  });

  it.each([
    [false, 403],
    [true, 200],
  ])('depend on the user of the connection: %j', async (admitted, status) => {
    for (const answer of [admitted, Promise.resolve(admitted)]) {
      const asked: unknown[] = [];
      const admits = (...question: unknown[]): typeof answer => (asked.push(...question), answer);
      const { outcome, ...given } = await ask('/v1/credentials/uploader', { admits });
      expect(given.status).toBe(status);
      expect(outcome).toMatchObject({ resource: 'credentials', role: 'uploader' });
      expect(asked).toEqual([uploader, connection]);
    }
  });

  it.each([
    ['GET', 200],
    ['HEAD', 200],
    ['POST', 405],
    ['PUT', 405],
  ])('answer %s with status %i', async (method, status) => {
    const answer = await ask('/v1/credentials/uploader', {}, { method });
    expect([answer.status, answer.outcome.role]).toEqual([status, 'uploader']);
    expect(answer.headers.join(' ').includes('allow GET, HEAD')).toBe(status === 405);
  });

  it('that arrive while a request waits answer it', async () => {
    const late = role('uploader', undefined, session);
    expect(await ask('/v1/credentials/uploader', { roles: () => [late] })).toMatchObject(GRANTED);
  });

  it('that do not arrive in time are 503', async () => {
    const never: ContainerRole = {
      ...uploader,
      session: { current: () => undefined, waitForFirst: () => Promise.resolve() },
    };
    const answer = await ask('/v1/credentials/uploader', { roles: () => [never] });
    expect(answer).toMatchObject({ status: 503, outcome: { resource: 'credentials', role: 'uploader' }, refused: [] });
  });

  it('are made once for each session', () => {
    const held: RoleSession[] = [session, session, roleSession(2, clock)];
    const changing = { ...uploader, session: { ...uploader.session, current: () => held.shift() } };
    const handler = containerHandler({
      roles: () => [changing],
      clientOf: () => client('uploader'),
      refused: () => undefined,
    });
    const local = { address: '127.0.0.1', port: 80 };
    const request = { method: 'GET', target: '/v1/credentials/uploader', headers: requestHeaders([]), local };
    const [first, second, third] = [handler(request), handler(request), handler(request)] as Answer[];
    expect(second).toBe(first);
    expect(third?.body).toContain('ASIASESSION2');
  });
});
