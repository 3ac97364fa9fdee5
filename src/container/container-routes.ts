import type { Socket } from 'node:net';
import type { CodedError } from '../foundation/errors.ts';
import { withHeaders, type Answer } from '../doors/answer.ts';
import { doorError } from '../doors/door-errors.ts';
import { pathNames, type DoorRequest, type RequestHeaders } from '../doors/door-request.ts';
import type { RequestGuard } from '../doors/request-guard.ts';
import { sessionToServe, type HeldSession } from '../doors/held-session.ts';
import type { DoorAnswer } from '../doors/door-answer.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { containerError } from './container-errors.ts';
import { credentialBody, failure, success } from './credential-answer.ts';

export interface ContainerRole {
  /** As the configuration calls it. */
  readonly name: string;
  readonly roleArn: string;
  readonly session: HeldSession;
}

/** Who asks, and for which roles it may. */
export interface Client {
  readonly client: string;
  readonly mayHave: (role: ContainerRole) => boolean;
}

export interface ContainerParts {
  /** These three are asked for each request: a new configuration holds from the next one on. */
  readonly guard: RequestGuard;
  readonly roles: () => readonly ContainerRole[];
  /** Undefined: nobody known. */
  readonly clientOf: (headers: RequestHeaders) => Client | undefined;
  /** Whether the user of the connection may have the role. Default: everybody may. */
  readonly admits?: (role: ContainerRole, connection: Socket | undefined) => Promise<boolean>;
  /** Told why a request was turned away. */
  readonly refused: (reason: CodedError) => void;
  /** Told of every answer. @param role - the name of the role it is about, where it came so far. */
  readonly answered?: (role: string | undefined, answer: DoorAnswer) => void;
}

interface Outcome extends Omit<DoorAnswer, 'request' | 'status'> {
  readonly answer: Answer;
  readonly role?: string;
}

/** Request in, answer out: the guard, the client, the path, the role, the session. Never rejects for anything a request can hold. */
export function containerRoutes(parts: ContainerParts): (request: DoorRequest) => Promise<Answer> {
  const route = containerRoute(parts);
  return async (request) => {
    const { answer, role, ...outcome } = await route(request);
    parts.answered?.(role, { request, status: answer.status, ...outcome });
    return answer;
  };
}

function containerRoute(parts: ContainerParts): (request: DoorRequest) => Promise<Outcome> {
  const { guard, roles, clientOf } = parts;
  const refuse = (status: 400 | 401 | 403, reason: CodedError): Outcome => {
    parts.refused(reason);
    return { answer: failure(status), resource: 'none', refusal: reason };
  };
  const rendered = new WeakMap<RoleSession, Buffer>();
  const bodyOf = ({ roleArn }: ContainerRole, session: RoleSession): Buffer => {
    const body = rendered.get(session) ?? credentialBody(roleArn, session);
    rendered.set(session, body);
    return body;
  };
  return async (request) => {
    const refusal = guard(request);
    if (refusal) return refuse(refusal.status, doorError(refusal.code, refusal.what));
    const client = clientOf(request.headers);
    if (!client) return refuse(401, tokenRefused(request));
    const role = roleAt(request.target, roles(), client);
    if (!role) return { answer: failure(404), resource: 'other' };
    const asked = { resource: 'credentials', role: role.name } as const;
    if (!client.mayHave(role)) return { ...asked, ...refuse(403, roleRefused(client, role)) };
    if (parts.admits && !(await parts.admits(role, request.connection))) return { ...asked, answer: failure(403) };
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return { ...asked, answer: withHeaders(failure(405), { allow: 'GET, HEAD' }) };
    const session = await sessionToServe(role.session);
    return session ? { ...asked, answer: success(bodyOf(role, session)), session } : { ...asked, answer: failure(503) };
  };
}

/** The last part of the path: a role's name, or its ARN, whose slashes are those of the path; nothing: the client's only role. */
function roleAt(target: string, roles: readonly ContainerRole[], client: Client): ContainerRole | undefined {
  const [version, kind, ...rest] = pathNames(target) ?? [];
  if (version !== 'v1' || kind !== 'credentials') return undefined;
  const asked = rest.join('/');
  const [only, ...more] = asked === '' ? roles.filter(client.mayHave) : [];
  if (only && more.length === 0) return only;
  return roles.find(({ name }) => name === asked) ?? roles.find(({ roleArn }) => roleArn === asked);
}

function tokenRefused({ headers }: DoorRequest): CodedError {
  const what = headers.has('authorization') ? 'the token of a request is of no client' : 'a request has no token';
  return containerError('CONTAINER_TOKEN_REFUSED', what);
}

function roleRefused({ client }: Client, { name }: ContainerRole): CodedError {
  return containerError(
    'CONTAINER_ROLE_REFUSED',
    `client ${client} asked for role ${name}, which is not among its roles`,
  );
}
