import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/endpoints/answer.ts';
import type { HeldSession } from '../../src/endpoints/held-session.ts';
import { requestHeaders } from '../../src/endpoints/request.ts';
import { imdsHandler, type ImdsParts } from '../../src/imds/imds-handler.ts';
import { metadataTokens } from '../../src/imds/metadata-token.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { CREDENTIALS, roleSession, TOKEN, TTL_HEADER } from './endpoint.ts';

const TOKEN_HEADER = 'x-aws-ec2-metadata-token';
const clock = new VirtualClock();
const session = roleSession(1, clock);
const tokens = metadataTokens({ key: Buffer.alloc(32), listener: 'R' });
const withToken = [TOKEN_HEADER, tokens.issue(60, clock.now())];
const document = `${CREDENTIALS}/R`;

const holding = (held: typeof session | undefined): HeldSession => ({
  current: () => held,
  waitForFirst: () => Promise.resolve(),
});

/** Whose first session comes, if it does, while a request waits for it. */
function waiting(first: typeof session | undefined, meanwhileMs: number): HeldSession {
  let held: typeof session | undefined;
  return {
    current: () => held,
    waitForFirst: async (ms) => {
      expect(ms).toBe(250);
      held = first;
      await clock.advance(meanwhileMs);
    },
  };
}

interface Asked {
  readonly method?: string;
  readonly headers?: readonly string[];
}

function handled(parts: Partial<ImdsParts> = {}) {
  const handler = imdsHandler({
    endpoint: {},
    role: { name: 'R', accountId: '123456789012', partition: 'aws' },
    session: holding(session),
    tokens,
    clock,
    ...parts,
  });
  return (target: string, { method = 'GET', headers = withToken }: Asked = {}): Answer | Promise<Answer> =>
    handler({ method, target, headers: requestHeaders(headers), local: { address: '127.0.0.1', port: 80 } });
}

/** The headers that each answer has, as EC2 sends them, and those of this one. */
function shown({ status, headers, outcome }: Answer): object {
  const pairs = headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]]] : []));
  const { 'content-length': length, ...others } = Object.fromEntries(pairs) as Record<string, string>;
  expect(Number(length)).toBeGreaterThan(0);
  return { status, outcome, ...others };
}

const ALWAYS = { server: 'EC2ws', 'cache-control': 'no-store', 'accept-ranges': 'none' };
const TEXT = { ...ALWAYS, 'content-type': 'text/plain' };
const PAGE = { ...ALWAYS, 'content-type': 'text/html' };
const OTHER = { resource: 'other' };

describe('a token', () => {
  const ask = handled();
  const put = (...ttl: readonly string[]): object =>
    shown(ask(TOKEN, { method: 'PUT', headers: ttl.flatMap((value) => [TTL_HEADER, value]) }) as Answer);

  it('is issued for the time in the header', () => {
    expect(put('60')).toEqual({ status: 200, outcome: { resource: 'token' }, ...TEXT, [TTL_HEADER]: '60' });
  });

  it.each([[], ['0'], ['60', '60'], ['']])('is not issued for %j', (...ttl) => {
    expect(put(...ttl)).toEqual({ status: 400, outcome: { resource: 'token' }, ...PAGE });
  });

  it.each(['GET', 'POST', 'HEAD', 'put'])('is not issued by %s', (method) => {
    const answer = ask(TOKEN, { method, headers: [TTL_HEADER, '60'] }) as Answer;
    expect(shown(answer)).toEqual({ status: 405, outcome: { resource: 'token' }, ...PAGE, allow: 'OPTIONS, PUT' });
  });
});

describe('a read', () => {
  it('returns the credentials, and the seconds that the token has left', async () => {
    const read = handled();
    await clock.advance(1_500);
    const outcome = { resource: 'credentials', session };
    expect(shown(await read(document))).toEqual({ status: 200, outcome, ...TEXT, [TTL_HEADER]: '58' });
    expect(shown(await read('/latest/meta-data/iam/info'))).toMatchObject({ status: 200, outcome: OTHER });
  });

  const another = tokens.issue(60, clock.now());
  it.each([
    ['no token', []],
    ['an empty token', [TOKEN_HEADER, '']],
    ['another text', [TOKEN_HEADER, 'no token at all']],
    ['two tokens', [TOKEN_HEADER, another, TOKEN_HEADER, another]],
  ])('with %s returns nothing', async (_, headers) => {
    const none = { status: 401, outcome: { resource: 'none' }, ...PAGE };
    expect(shown(await handled()(document, { headers }))).toEqual(none);
    // The same for a path that does not exist.
    expect(shown(await handled()('/latest/user-data', { headers }))).toEqual(none);
  });

  it.each(['PUT', 'POST', 'DELETE', 'get'])('by %s is not allowed', async (method) => {
    const answer = shown(await handled()(document, { method }));
    expect(answer).toMatchObject({ status: 405, outcome: OTHER, ...PAGE, allow: 'GET, HEAD' });
  });

  it('by HEAD is one', async () => {
    expect(shown(await handled()(document, { method: 'HEAD' }))).toMatchObject({ status: 200 });
  });

  it.each(['/latest/user-data', `${document}/more`, '/latest/%'])('of %s finds nothing', async (target) => {
    expect(shown(await handled()(target))).toMatchObject({ status: 404, outcome: OTHER, ...PAGE });
  });

  it('finds the same again, in more spellings than are remembered', async () => {
    const read = handled();
    for (let slashes = 1; slashes < 200; slashes += 1)
      expect(shown(await read('/'.repeat(slashes) + document))).toMatchObject({ status: 200 });
    expect(shown(await read(document))).toMatchObject({ status: 200, outcome: { session } });
    expect(shown(await read('/latest/user-data'))).toMatchObject({ status: 404 });
  });

  it('waits for the first session, and then says how long the token lasts', async () => {
    const read = handled({ session: waiting(session, 2_000) });
    const headers = [TOKEN_HEADER, tokens.issue(60, clock.now())];
    const answer = shown(await read(document, { headers }));
    expect(answer).toMatchObject({ status: 200, outcome: { session }, [TTL_HEADER]: '58' });
  });

  it('says 0 seconds if the token has expired meanwhile', async () => {
    const read = handled({ session: waiting(session, 3_000) });
    const headers = [TOKEN_HEADER, tokens.issue(2, clock.now())];
    expect(shown(await read(document, { headers }))).toMatchObject({ status: 200, [TTL_HEADER]: '0' });
  });

  it('fails if no first session comes, for the record as one of credentials', async () => {
    const read = handled({ session: waiting(undefined, 0) });
    const credentials = shown(await read(document));
    expect(credentials).toMatchObject({ status: 503, outcome: { resource: 'credentials' }, ...PAGE });
    expect(credentials).not.toHaveProperty('outcome.session');
    expect(shown(await read('/latest/meta-data/iam/info'))).toMatchObject({ status: 503, outcome: OTHER });
    expect(shown(await read(`${CREDENTIALS}/`))).toMatchObject({ status: 200 });
  });

  it('does not wait if there is a session', async () => {
    const waitForFirst = (): Promise<void> => Promise.reject(new Error('waits'));
    const read = handled({ session: { current: () => session, waitForFirst } });
    expect(shown(await read(document))).toMatchObject({ status: 200 });
  });

  it('returns the next session as soon as there is one', async () => {
    let held = session;
    const read = handled({ session: { ...holding(session), current: () => held } });
    expect((await read(document)).body).toContain(session.accessKeyId);
    held = roleSession(2, clock);
    expect((await read(document)).body).toContain('ASIASESSION2');
  });
});

describe('a user without permission', () => {
  const refused = { status: 403, outcome: { resource: 'none' }, ...PAGE };

  it.each([
    ['at once', () => false],
    ['after a look-up', () => Promise.resolve(false)],
  ])('gets neither token nor credentials: known %s', async (_, admits) => {
    const ask = handled({ admits });
    expect(shown(await ask(document))).toEqual(refused);
    expect(shown(await ask(TOKEN, { method: 'PUT', headers: [TTL_HEADER, '60'] }))).toEqual(refused);
  });

  it('may turn out to have it after the look-up', async () => {
    expect(shown(await handled({ admits: () => Promise.resolve(true) })(document))).toMatchObject({ status: 200 });
  });
});
