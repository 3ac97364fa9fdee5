import type { Socket } from 'node:net';
import type { ImdsEndpointConfig } from '../config/config.ts';
import { type Answer, withHeader, withOutcome } from '../endpoints/answer.ts';
import { FIRST_SESSION_WAIT_MS, type HeldSession } from '../endpoints/held-session.ts';
import type { Handler } from '../endpoints/listener.ts';
import { type EndpointRequest, pathNames } from '../endpoints/request.ts';
import type { Clock } from '../foundation/clock.ts';
import { failure, success } from './answer.ts';
import type { DescribedRole, Placement } from './documents.ts';
import { type MetadataTokens, requestedTtl, TOKEN_HEADER, TTL_HEADER } from './metadata-token.ts';
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

/** Only the token path needs no token. */
function issueToken({ tokens, clock }: ImdsParts, { method, headers }: EndpointRequest): Answer {
  if (method !== 'PUT') return withOutcome(withHeader(failure(405), 'allow', 'OPTIONS, PUT'), TOKEN);
  const ttl = requestedTtl(headers.get(TTL_HEADER) ?? []);
  if (ttl === undefined) return withOutcome(failure(400), TOKEN);
  return withHeader(success(tokens.issue(ttl, clock.now()), TOKEN), TTL_HEADER, String(ttl));
}

/** Every answer has the remaining seconds of the token. */
function read(
  { tokens, session, clock }: ImdsParts,
  { method, headers }: EndpointRequest,
  resource: Resource | undefined,
): Answer | Promise<Answer> {
  const sent = headers.get(TOKEN_HEADER);
  const verdict = tokens.verify(sent?.length === 1 ? (sent[0] ?? '') : '', clock.now());
  if (!verdict.valid) return NO_VALID_TOKEN;
  const withTtl = (answer: Answer): Answer => {
    const secondsLeft = Math.floor((verdict.expiresAt - clock.now()) / 1_000);
    return withHeader(answer, TTL_HEADER, String(Math.max(secondsLeft, 0)));
  };
  if (!resource) return withTtl(failure(404));
  if (method !== 'GET' && method !== 'HEAD') return withTtl(withHeader(failure(405), 'allow', 'GET, HEAD'));
  if (resource.kind !== 'session') return withTtl(resource.answer);
  const held = session.current();
  if (held) return withTtl(resource.answer(held));
  return session.waitForFirst(FIRST_SESSION_WAIT_MS).then(() => {
    const first = session.current();
    return withTtl(first ? resource.answer(first) : noSession(resource));
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
