import type { Socket } from 'node:net';
import type { ImdsDoorConfig } from '../config/config.ts';
import type { DoorAnswer } from '../doors/door-answer.ts';
import { sessionToServe, type HeldSession } from '../doors/held-session.ts';
import type { Clock } from '../foundation/clock.ts';
import { failure, success } from './answer.ts';
import { withHeaders, type Answer } from '../doors/answer.ts';
import type { Placement, ServedRole } from './documents.ts';
import { TOKEN_HEADER, TTL_HEADER } from './imds-headers.ts';
import type { DoorRequest } from '../doors/door-request.ts';
import { metadataTree, resolve, type Resource } from './metadata-tree.ts';
import { pathNames } from '../doors/door-request.ts';
import { requestedTtl, type MetadataTokens } from './metadata-token.ts';
import { requestGuard, type GuardRefusal } from '../doors/request-guard.ts';

export interface RouteParts {
  readonly door: ImdsDoorConfig;
  readonly role: ServedRole;
  readonly session: HeldSession;
  readonly tokens: MetadataTokens;
  /** Whether the user of the connection may have the role. Default: everybody may. */
  readonly admits?: (connection: Socket | undefined) => Promise<boolean>;
  readonly clock: Pick<Clock, 'now'>;
  /** Told of every request that the guard turned away. */
  readonly refused: (refusal: GuardRefusal) => void;
  /** Told of every answer. */
  readonly answered?: (answer: DoorAnswer) => void;
}

type Outcome = Pick<DoorAnswer, 'resource' | 'session' | 'refusal'> & { readonly answer: Answer };

/** Request in, answer out: first the guard, then the token, then the path. Never rejects for anything a request can hold. */
export function imdsRoutes(parts: RouteParts): (request: DoorRequest) => Promise<Answer> {
  const route = imdsRoute(parts);
  return async (request) => {
    const { answer, ...outcome } = await route(request);
    parts.answered?.({ request, status: answer.status, ...outcome });
    return answer;
  };
}

function imdsRoute(parts: RouteParts): (request: DoorRequest) => Promise<Outcome> {
  const guard = requestGuard(parts.door);
  const tree = metadataTree(parts.role, placementOf(parts.door));
  return async (request) => {
    const refusal = guard(request);
    if (refusal) {
      parts.refused(refusal);
      return { answer: failure(refusal.status), resource: 'none', refusal };
    }
    if (parts.admits && !(await parts.admits(request.connection))) return { answer: failure(403), resource: 'none' };
    const names = pathNames(request.target);
    if (names?.join('/') === 'latest/api/token') return { answer: issueToken(parts, request), resource: 'token' };
    const verdict = parts.tokens.verify(request.headers.get(TOKEN_HEADER)?.join() ?? '', parts.clock.now());
    if (!verdict.valid) return { answer: failure(401), resource: 'none' };
    const { answer, ...outcome } = await read(parts, request.method, names && resolve(tree, names));
    const secondsLeft = Math.floor((verdict.expiresAt - parts.clock.now()) / 1_000);
    return { answer: withHeaders(answer, { [TTL_HEADER]: String(Math.max(secondsLeft, 0)) }), ...outcome };
  };
}

/** The token path is the one that needs no token. */
function issueToken({ tokens, clock }: RouteParts, { method, headers }: DoorRequest): Answer {
  if (method !== 'PUT') return withHeaders(failure(405), { allow: 'OPTIONS, PUT' });
  const ttl = requestedTtl(headers.get(TTL_HEADER) ?? []);
  if (ttl === undefined) return failure(400);
  return withHeaders(success(tokens.issue(ttl, clock.now())), { [TTL_HEADER]: String(ttl) });
}

async function read({ session }: RouteParts, method: string, resource: Resource | undefined): Promise<Outcome> {
  const other = (answer: Answer): Outcome => ({ answer, resource: 'other' });
  if (!resource) return other(failure(404));
  if (method !== 'GET' && method !== 'HEAD') return other(withHeaders(failure(405), { allow: 'GET, HEAD' }));
  if (resource.kind !== 'session') return other(success(resource.body));
  const held = await sessionToServe(session);
  const answer = held ? success(resource.body(held)) : failure(503);
  return resource.isSecret ? { answer, resource: 'credentials', ...(held && { session: held }) } : other(answer);
}

function placementOf({ region, availabilityZone }: ImdsDoorConfig): Placement | undefined {
  return region === undefined ? undefined : { region, availabilityZone: availabilityZone ?? `${region}a` };
}
