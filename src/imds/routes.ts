import type { ImdsDoorConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { failure, success, withHeaders, type Answer } from './answer.ts';
import type { Placement, ServedRole } from './documents.ts';
import { TOKEN_HEADER, TTL_HEADER, type ImdsRequest } from './imds-request.ts';
import { metadataTree, pathNames, resolve, type Resource } from './metadata-tree.ts';
import { requestedTtl, type MetadataTokens } from './metadata-token.ts';
import { requestGuard, type GuardRefusal } from './request-guard.ts';

/** Where the door gets its session from: memory, never the network. */
export interface HeldSession {
  /** The held session, unexpired, or undefined. */
  current(): RoleSession | undefined;
  /** Resolves when the first session has come, or after `ms`; at once if there ever was one. */
  waitForFirst(ms: number): Promise<void>;
}

export interface RouteParts {
  readonly door: ImdsDoorConfig;
  readonly role: ServedRole;
  readonly session: HeldSession;
  readonly tokens: MetadataTokens;
  readonly clock: Pick<Clock, 'now'>;
  /** Told of every request that the guard turned away. */
  readonly refused: (refusal: GuardRefusal) => void;
}

/** A client that starts together with the daemon may wait this long; Go v2 gives up after 500 ms. */
const FIRST_SESSION_WAIT_MS = 250;

/** Request in, answer out: first the guard, then the token, then the path. Never rejects for anything a request can hold. */
export function imdsRoutes(parts: RouteParts): (request: ImdsRequest) => Promise<Answer> {
  const guard = requestGuard(parts.door);
  const tree = metadataTree(parts.role, placementOf(parts.door));
  return async (request) => {
    const refusal = guard(request);
    if (refusal) {
      parts.refused(refusal);
      return failure(refusal.status);
    }
    const names = pathNames(request.target);
    if (names?.join('/') === 'latest/api/token') return issueToken(parts, request);
    const verdict = parts.tokens.verify(request.headers.get(TOKEN_HEADER)?.join() ?? '', parts.clock.now());
    if (!verdict.valid) return failure(401);
    const answer = await read(parts, request.method, names && resolve(tree, names));
    const secondsLeft = Math.floor((verdict.expiresAt - parts.clock.now()) / 1_000);
    return withHeaders(answer, { [TTL_HEADER]: String(Math.max(secondsLeft, 0)) });
  };
}

/** The token path is the one that needs no token. */
function issueToken({ tokens, clock }: RouteParts, { method, headers }: ImdsRequest): Answer {
  if (method !== 'PUT') return withHeaders(failure(405), { allow: 'OPTIONS, PUT' });
  const ttl = requestedTtl(headers.get(TTL_HEADER) ?? []);
  if (ttl === undefined) return failure(400);
  return withHeaders(success(tokens.issue(ttl, clock.now())), { [TTL_HEADER]: String(ttl) });
}

async function read({ session }: RouteParts, method: string, resource: Resource | undefined): Promise<Answer> {
  if (!resource) return failure(404);
  if (method !== 'GET' && method !== 'HEAD') return withHeaders(failure(405), { allow: 'GET, HEAD' });
  if (resource.kind !== 'session') return success(resource.body);
  const held = await sessionToServe(session);
  return held ? success(resource.body(held)) : failure(503);
}

/** The held session; before the very first one, what comes within a quarter of a second. */
export async function sessionToServe(session: HeldSession): Promise<RoleSession | undefined> {
  const held = session.current();
  if (held) return held;
  await session.waitForFirst(FIRST_SESSION_WAIT_MS);
  return session.current();
}

function placementOf({ region, availabilityZone }: ImdsDoorConfig): Placement | undefined {
  return region === undefined ? undefined : { region, availabilityZone: availabilityZone ?? `${region}a` };
}
