import type { Socket } from 'node:net';
import type { ImdsEndpointConfig } from '../config/config.ts';
import { type Answer, withHeader, withOutcome } from '../endpoints/answer.ts';
import { FIRST_SESSION_WAIT_MS, type HeldSession } from '../endpoints/held-session.ts';
import type { Handler } from '../endpoints/listener.ts';
import { type EndpointRequest, pathNames } from '../endpoints/request.ts';
import type { Clock } from '../foundation/clock.ts';
import { failure, success } from './answer.ts';
import type { DescribedRole, Placement } from './documents.ts';
import { type MetadataTokens, requestedTtl, TOKEN_CHARACTERS, TOKEN_HEADER, TTL_HEADER } from './metadata-token.ts';
import { metadataTree, resolve, type Resource } from './metadata-tree.ts';

export interface ImdsParts {
  readonly endpoint: Pick<ImdsEndpointConfig, 'region' | 'availabilityZone'>;
  readonly role: DescribedRole;
  readonly session: HeldSession;
  readonly tokens: MetadataTokens;
  /** Whether the user of the connection may use the role. Default: everyone may. */
  readonly admits?: (connection: Socket | undefined) => boolean | Promise<boolean>;
  readonly clock: Pick<Clock, 'now'>;
}

/** IMDSv2 for one role: checks the user, then the token, then the path. */
export function imdsHandler(parts: ImdsParts): Handler {
  const { admits } = parts;
  const find = finder(metadataTree(parts.role, placementOf(parts.endpoint)));
  const answer = (request: EndpointRequest, isAdmitted: boolean): Answer | Promise<Answer> => {
    if (!isAdmitted) return NOT_ADMITTED;
    const resource = find(request.target);
    return resource === 'token' ? issueToken(parts, request) : read(parts, request, resource);
  };
  return (request) => {
    const isAdmitted = admits?.(request.connection) ?? true;
    if (typeof isAdmitted === 'boolean') return answer(request, isAdmitted);
    return isAdmitted.then((known) => answer(request, known));
  };
}

const NOT_ADMITTED = withOutcome(failure(403), { resource: 'none' });
const NO_VALID_TOKEN = withOutcome(failure(401), { resource: 'none' });
const TOKEN = { resource: 'token' } as const;
/** The headers of every new token: all are of one length. */
const { headers: ISSUED } = success('-'.repeat(TOKEN_CHARACTERS));

/** Only the token path needs no token. */
function issueToken({ tokens, clock }: ImdsParts, { method, headers }: EndpointRequest): Answer {
  if (method !== 'PUT') return withOutcome(withHeader(failure(405), 'allow', 'OPTIONS, PUT'), TOKEN);
  const ttl = requestedTtl(headers.get(TTL_HEADER) ?? []);
  if (ttl === undefined) return withOutcome(failure(400), TOKEN);
  const body = tokens.issue(ttl, clock.now());
  return { status: 200, headers: [...ISSUED, TTL_HEADER, String(ttl)], body, outcome: TOKEN };
}

function read(parts: ImdsParts, request: EndpointRequest, resource: Resource | undefined): Answer | Promise<Answer> {
  const now = parts.clock.now();
  const sent = request.headers.get(TOKEN_HEADER);
  const verdict = parts.tokens.verify(sent?.length === 1 ? (sent[0] ?? '') : '', now);
  if (!verdict.valid) return NO_VALID_TOKEN;
  const { expiresAt } = verdict;
  const answer = found(parts.session, request.method, resource);
  if (!(answer instanceof Promise)) return withSecondsLeft(answer, expiresAt - now);
  return answer.then((waited) => withSecondsLeft(waited, expiresAt - parts.clock.now()));
}

/** Every answer has the remaining seconds of the token. */
function withSecondsLeft(answer: Answer, leftMs: number): Answer {
  return withHeader(answer, TTL_HEADER, String(Math.max(Math.floor(leftMs / 1_000), 0)));
}

function found(session: HeldSession, method: string, resource: Resource | undefined): Answer | Promise<Answer> {
  if (!resource) return failure(404);
  if (method !== 'GET' && method !== 'HEAD') return withHeader(failure(405), 'allow', 'GET, HEAD');
  if (resource.kind !== 'session') return resource.answer;
  const held = session.current();
  if (held) return resource.answer(held);
  return session.waitForFirst(FIRST_SESSION_WAIT_MS).then(() => {
    const first = session.current();
    return first ? resource.answer(first) : noSession(resource);
  });
}

function noSession({ isSecret }: Extract<Resource, { kind: 'session' }>): Answer {
  return isSecret ? withOutcome(failure(503), { resource: 'credentials' }) : failure(503);
}

/** Many spellings lead to one resource. This many are cached. */
const REMEMBERED_TARGETS = 64;

/** The resource of a target. Each valid target is parsed once. */
function finder(tree: Resource): (target: string) => Resource | 'token' | undefined {
  const found = new Map<string, Resource | 'token'>();
  const lookUp = (target: string): Resource | 'token' | undefined => {
    const names = pathNames(target);
    return names?.join('/') === 'latest/api/token' ? 'token' : names && resolve(tree, names);
  };
  return (target) => {
    const known = found.get(target);
    if (known) return known;
    const resource = lookUp(target);
    if (resource && found.size < REMEMBERED_TARGETS) found.set(target, resource);
    return resource;
  };
}

function placementOf({ region, availabilityZone }: ImdsParts['endpoint']): Placement | undefined {
  return region === undefined ? undefined : { region, availabilityZone: availabilityZone ?? `${region}a` };
}
