import type { Socket } from 'node:net';
import { type Answer, withHeader, withOutcome } from '../endpoints/answer.ts';
import { FIRST_SESSION_WAIT_MS, type HeldSession } from '../endpoints/held-session.ts';
import type { Handler } from '../endpoints/listener.ts';
import { type EndpointRequest, pathNames, type RequestHeaders } from '../endpoints/request.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { containerError } from './container-errors.ts';
import { credentialBody, failure, processBody, success } from './credential-answer.ts';

export interface ContainerRole {
  /** Its name in the configuration. */
  readonly name: string;
  readonly roleArn: string;
  readonly session: HeldSession;
}

/** A client, and the roles that it may use. */
export interface Client {
  readonly client: string;
  readonly mayHave: (role: ContainerRole) => boolean;
}

export interface ContainerParts {
  /** These two are called for each request, so a new configuration applies from the next one on. */
  readonly roles: () => readonly ContainerRole[];
  /** Undefined: no known client. */
  readonly clientOf: (headers: RequestHeaders) => Client | undefined;
  /** Whether the user of the connection may use the role. Default: everyone may. */
  readonly admits?: (role: ContainerRole, connection: Socket | undefined) => boolean | Promise<boolean>;
  /** Called with the reason of a rejected request. */
  readonly refused: (reason: CodedError) => void;
}

/**
 * Container credentials: checks the client, the path, the role and the user, then returns the
 * session.
 */
export function containerHandler(parts: ContainerParts): Handler {
  const { roles, clientOf, admits } = parts;
  const refuse = (status: 401 | 403, refusal: CodedError, role?: ContainerRole): Answer => {
    parts.refused(refusal);
    if (!role) return withOutcome(failure(status), { resource: 'none', refusal });
    return withOutcome(failure(status), { resource: 'credentials', role: role.name, refusal });
  };
  const read = reader();
  return (request) => {
    const client = clientOf(request.headers);
    if (!client) return refuse(401, tokenRefused(request));
    const asked = askedFor(request.target, roles(), client);
    if (!asked) return failure(404);
    const { role } = asked;
    if (!client.mayHave(role)) return refuse(403, roleRefused(client, role), role);
    const isAdmitted = admits?.(role, request.connection) ?? true;
    if (typeof isAdmitted === 'boolean') return read(request, asked, isAdmitted);
    return isAdmitted.then((known) => read(request, asked, known));
  };
}

/** Path -> the form of its answer. */
const FORMS = {
  credentials: credentialBody,
  'credential-process': (_roleArn: string, session: RoleSession): string => processBody(session),
};

interface Asked {
  readonly role: ContainerRole;
  readonly form: keyof typeof FORMS;
}

type Read = (request: EndpointRequest, asked: Asked, isAdmitted: boolean) => Answer | Promise<Answer>;

function reader(): Read {
  const made = {
    credentials: new WeakMap<RoleSession, Answer>(),
    'credential-process': new WeakMap<RoleSession, Answer>(),
  };
  const granted = ({ role: { name, roleArn }, form }: Asked, session: RoleSession): Answer => {
    const answer =
      made[form].get(session) ??
      success(FORMS[form](roleArn, session), { resource: 'credentials', role: name, session });
    made[form].set(session, answer);
    return answer;
  };
  return ({ method }, asked, isAdmitted) => {
    const { name, session } = asked.role;
    const outcome = { resource: 'credentials', role: name } as const;
    if (!isAdmitted) return withOutcome(failure(403), outcome);
    if (method !== 'GET' && method !== 'HEAD')
      return withOutcome(withHeader(failure(405), 'allow', 'GET, HEAD'), outcome);
    const held = session.current();
    if (held) return granted(asked, held);
    return session.waitForFirst(FIRST_SESSION_WAIT_MS).then(() => {
      const first = session.current();
      return first ? granted(asked, first) : withOutcome(failure(503), outcome);
    });
  };
}

/**
 * The last part of the path: a role's name, or its ARN, including its slashes. Empty: the client's
 * only role.
 */
function askedFor(target: string, roles: readonly ContainerRole[], client: Client): Asked | undefined {
  const [version, form, ...rest] = pathNames(target) ?? [];
  if (version !== 'v1' || (form !== 'credentials' && form !== 'credential-process')) return undefined;
  const role = roleNamed(rest.join('/'), roles, client);
  return role && { role, form };
}

function roleNamed(asked: string, roles: readonly ContainerRole[], client: Client): ContainerRole | undefined {
  const [only, ...more] = asked === '' ? roles.filter(client.mayHave) : [];
  if (only && more.length === 0) return only;
  return roles.find(({ name }) => name === asked) ?? roles.find(({ roleArn }) => roleArn === asked);
}

function tokenRefused({ headers }: EndpointRequest): CodedError {
  const what = headers.has('authorization') ? 'the token of a request belongs to no client' : 'a request has no token';
  return containerError('CONTAINER_TOKEN_REFUSED', what);
}

function roleRefused({ client }: Client, { name }: ContainerRole): CodedError {
  return containerError(
    'CONTAINER_ROLE_REFUSED',
    `client ${client} asked for role ${name}, which is not among its roles`,
  );
}
