import fc from 'fast-check';
import { MARK } from './answers.ts';
import { CREDENTIALS, type ServedEndpoint } from './served-endpoint.ts';

/**
 * One property of a request: its header lines, and the answers that it allows. Nothing if it is
 * harmless.
 */
interface Trait {
  readonly lines: readonly string[];
  readonly refused?: 400 | 401 | 403;
}

interface Target {
  readonly path: string;
  readonly kind: 'token' | 'resource' | 'nothing' | 'no path';
}

/** A request in HTTP and its properties. */
export interface EndpointRequest {
  readonly method: string;
  readonly target: Target;
  readonly host: Trait;
  readonly browser: Trait;
  /** Counts only for PUT. */
  readonly proxy: Trait;
  readonly token: Trait;
  readonly ttl: Trait;
  readonly noise: readonly string[];
  readonly body: Trait & { readonly content: string };
}

/** The expected answers: first of the guard, then by token, then by path. */
export function allowedStatuses({
  method,
  target,
  host,
  browser,
  proxy,
  token,
  ttl,
}: EndpointRequest): readonly number[] {
  const guards = [host.refused, browser.refused, method === 'PUT' ? proxy.refused : undefined];
  if (target.kind === 'no path') guards.push(400);
  if (method === 'OPTIONS') guards.push(403);
  const refusals = guards.filter((status) => status !== undefined);
  if (refusals.length > 0) return refusals;
  if (target.kind === 'token') return [method === 'PUT' ? (ttl.refused ?? 200) : 405];
  if (token.refused) return [token.refused];
  if (target.kind === 'nothing') return [404];
  return [method === 'GET' || method === 'HEAD' ? 200 : 405];
}

/** The request in bytes, with its header lines in the order of `order`. */
export function requestText({ method, target, ...traits }: EndpointRequest): string {
  const { host, browser, proxy, token, ttl, noise, body } = traits;
  const lines = [...noise, ...[browser, proxy, token, ttl, host, body].flatMap((trait) => trait.lines)];
  return `${method} ${target.path} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body.content}`;
}

export function endpointRequests(endpoint: ServedEndpoint): fc.Arbitrary<EndpointRequest> {
  return fc.record({
    method: mostly(
      'GET',
      fc.constantFrom('PUT', 'PUT', 'HEAD', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'),
    ),
    target: targets(endpoint.role),
    host: mostly({ lines: ['Host: 127.0.0.1'] }, hosts(endpoint.port)),
    browser: mostly({ lines: [] }, browsers),
    proxy: mostly({ lines: [] }, proxies),
    token: mostly({ lines: [`X-aws-ec2-metadata-token: ${endpoint.token}`] }, tokens(endpoint.token)),
    ttl: mostly({ lines: ['X-aws-ec2-metadata-token-ttl-seconds: 60'] }, ttls),
    noise: fc.array(
      fc.stringMatching(/^[a-z]{1,10}$/).map((name) => `X-Noise-${name}: ${MARK}`),
      { maxLength: 5 },
    ),
    body: mostly({ lines: [], content: '' }, bodies),
  });
}

/** Two thirds are valid. Otherwise nothing would pass the guard. */
function mostly<T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 2, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: other },
  );
}

function targets(role: string): fc.Arbitrary<Target> {
  const slashes = fc.constantFrom('/', '//', '///');
  const spelled = (path: string): fc.Arbitrary<string> =>
    fc
      .tuple(slashes, fc.constantFrom('', '/', '?', `?${MARK}`, `/?a=${MARK}`))
      .map(([slash, end]) => path.replaceAll('/', slash) + end);
  const resource = fc.constantFrom(
    `${CREDENTIALS.slice(0, -1)}/${role}`,
    CREDENTIALS.slice(0, -1),
    '/latest',
    '/latest/meta-data/iam/info',
  );
  const segment = fc.constantFrom(
    MARK,
    '..',
    '.',
    '%00',
    '%2e%2e',
    '%2F',
    '%',
    '%zz',
    'latest',
    'meta-data',
    'iam',
    role,
  );
  const nothing = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => `/${[MARK, ...parts].join('/')}`);
  const noPath = fc.constantFrom(
    '*',
    `http://127.0.0.1/latest`,
    `http://${MARK}.example${CREDENTIALS}`,
    'latest/api/token',
  );
  return fc.oneof(
    spelled('/latest/api/token').map((path): Target => ({ path, kind: 'token' })),
    resource.chain(spelled).map((path): Target => ({ path, kind: 'resource' })),
    nothing.map((path): Target => ({ path, kind: 'nothing' })),
    noPath.map((path): Target => ({ path, kind: 'no path' })),
  );
}

function hosts(port: number): fc.Arbitrary<Trait> {
  const good = fc.constantFrom('localhost', `LocalHost:${port}`, '[::1]', '169.254.169.254', `127.0.0.1:${port}`);
  const name = fc.constantFrom('127.0.0.1', 'localhost', '[::1]', '169.254.169.254');
  const foreign = fc.oneof(
    fc.tuple(name, fc.constantFrom('.', ':', ':0', 'x', '@x', `.${MARK}`, ',x', '%')).map(([host, end]) => host + end),
    fc.tuple(fc.constantFrom('x', '.', `${MARK}.`, '@', '0'), name).map(([start, host]) => start + host),
    fc.constantFrom('127.1', '0x7f000001', '2130706433', '[::ffff:127.0.0.1]', '0.0.0.0', MARK),
  );
  return fc.oneof(
    good.map((host): Trait => ({ lines: [`Host: ${host}`] })),
    foreign.map((host): Trait => ({ lines: [`Host: ${host}`], refused: 403 })),
    fc.constantFrom<Trait>(
      { lines: [], refused: 400 },
      { lines: ['Host:'], refused: 400 },
      { lines: ['Host: 127.0.0.1', 'host: 127.0.0.1'], refused: 400 },
    ),
  );
}

const browsers = fc.constantFrom<Trait>(
  { lines: ['Sec-Fetch-Site: none'] },
  { lines: ['Sec-Fetch-Site: same-origin'] },
  { lines: [`Origin: https://${MARK}.example`], refused: 403 },
  { lines: ['Origin: null', 'Sec-Fetch-Mode: cors'], refused: 403 },
  { lines: ['Sec-Fetch-Site: cross-site'], refused: 403 },
  { lines: ['Sec-Fetch-Site: none', `Sec-Fetch-Site: ${MARK}`], refused: 403 },
);

const proxies = fc.constantFrom<Trait>(
  { lines: [`X-Forwarded-Host: ${MARK}`] },
  { lines: ['X-Forwarded-For: 203.0.113.7'], refused: 403 },
  { lines: ['X-FORWARDED-FOR:'], refused: 403 },
  { lines: [`Via: 1.1 ${MARK}`], refused: 403 },
  { lines: [`Forwarded: for=${MARK}`], refused: 403 },
);

function tokens(good: string): fc.Arbitrary<Trait> {
  const wrong = fc.oneof(
    fc.constantFrom('', 'INVALID', MARK, good.slice(1), `${good}A`, `${good}=`, `${good}, ${good}`, good.toLowerCase()),
    fc.tuple(fc.nat(good.length - 1), fc.constantFrom('A', 'b', '-', '_')).map(([at, other]) => {
      const differing = good[at] === other ? '9' : other;
      return good.slice(0, at) + differing + good.slice(at + 1);
    }),
  );
  const line = (token: string): string => `X-AWS-EC2-Metadata-Token: ${token}`;
  return fc.oneof(
    fc.constantFrom<Trait>({ lines: [], refused: 401 }, { lines: [line(good), line(good)], refused: 401 }),
    wrong.map((token): Trait => ({ lines: [line(token)], refused: 401 })),
  );
}

const ttls = fc.oneof(
  fc
    .integer({ min: 1, max: 21_600 })
    .map((ttl): Trait => ({ lines: [`X-aws-ec2-metadata-token-ttl-seconds: ${ttl}`] })),
  fc
    .constantFrom('0', '-1', '21601', '1e3', '+5', '5.0', '0x10', '05', '5 5', MARK, '', '9'.repeat(400))
    .map((ttl): Trait => ({ lines: [`X-aws-ec2-metadata-token-ttl-seconds: ${ttl}`], refused: 400 })),
  fc.constant<Trait>({ lines: [], refused: 400 }),
);

const bodies = fc.constantFrom<EndpointRequest['body']>(
  { lines: ['Content-Length: 0'], content: '' },
  { lines: ['Content-Length: 7', 'Content-Type: application/json'], content: MARK },
  { lines: ['Transfer-Encoding: chunked'], content: `7\r\n${MARK}\r\n0\r\n\r\n` },
);
