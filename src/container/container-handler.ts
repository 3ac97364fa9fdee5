import type { Socket } from 'node:net';
import { type Answer, type AskingPod, type Outcome, withHeader, withOutcome } from '../endpoints/answer.ts';
import { FIRST_SESSION_WAIT_MS, type HeldSession } from '../endpoints/held-session.ts';
import type { Handler } from '../endpoints/listener.ts';
import { type EndpointRequest, pathNames, type RequestHeaders } from '../endpoints/request.ts';
import { CodedError } from '../foundation/errors.ts';
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
  /** Its own session of a role, or why there is none. Default: that of the role. */
  readonly sessionOf?: (role: ContainerRole) => HeldSession | CodedError;
  readonly pod?: AskingPod;
}

/** Why the token of a request is no client's, or why that client gets nothing. */
export interface ClientRefusal {
  readonly status: 401 | 403 | 503;
  readonly reason: CodedError;
  readonly pod?: AskingPod;
}

/** Undefined: no known client. */
type Known = Client | ClientRefusal | undefined;

export interface ContainerParts {
  /** These two are called for each request, so a new configuration applies from the next one on. */
  readonly roles: () => readonly ContainerRole[];
  readonly clientOf: (headers: RequestHeaders) => Known | Promise<Known>;
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
  const refuse = ({ status, reason: refusal, pod }: ClientRefusal, outcome: Partial<Outcome> = {}): Answer => {
    parts.refused(refusal);
    return withOutcome(failure(status), { resource: 'none', ...(pod && { pod }), ...outcome, refusal });
  };
  const read = reader(refuse);
  const answer = (request: EndpointRequest, known: Known): Answer | Promise<Answer> => {
    if (!known) return refuse({ status: 401, reason: tokenRefused(request) });
    if ('reason' in known) return refuse(known);
    const asked = askedFor(request.target, roles(), known);
    if (!asked) return failure(404);
    const { role, outcome } = asked;
    if (!known.mayHave(role)) return refuse({ status: 403, reason: roleRefused(known, role) }, outcome);
    const isAdmitted = admits?.(role, request.connection) ?? true;
    if (typeof isAdmitted === 'boolean') return read(request, asked, isAdmitted, known);
    return isAdmitted.then((really) => read(request, asked, really, known));
  };
  return (request) => {
    const known = clientOf(request.headers);
    return known instanceof Promise ? known.then((client) => answer(request, client)) : answer(request, known);
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
  /** Before anything is decided. */
  readonly outcome: Outcome;
}

type Read = (request: EndpointRequest, asked: Asked, isAdmitted: boolean, client: Client) => Answer | Promise<Answer>;
type Refuse = (refusal: ClientRefusal, outcome: Outcome) => Answer;

function reader(refuse: Refuse): Read {
  const made = {
    credentials: new WeakMap<RoleSession, Answer>(),
    'credential-process': new WeakMap<RoleSession, Answer>(),
  };
  const granted = ({ role: { name, roleArn }, form, outcome: { pod } }: Asked, session: RoleSession): Answer => {
    const answer =
      made[form].get(session) ??
      success(FORMS[form](roleArn, session), { resource: 'credentials', role: name, session });
    made[form].set(session, answer);
    return pod ? withOutcome(answer, { ...answer.outcome, pod }) : answer;
  };
  return ({ method }, asked, isAdmitted, { sessionOf }) => {
    const { role, outcome } = asked;
    if (!isAdmitted) return withOutcome(failure(403), outcome);
    if (method !== 'GET' && method !== 'HEAD')
      return withOutcome(withHeader(failure(405), 'allow', 'GET, HEAD'), outcome);
    const session = sessionOf?.(role) ?? role.session;
    if (session instanceof CodedError) return refuse({ status: 503, reason: session }, outcome);
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
  const { pod } = client;
  return role && { role, form, outcome: { resource: 'credentials', role: role.name, ...(pod && { pod }) } };
}

function roleNamed(asked: string, roles: readonly ContainerRole[], client: Client): ContainerRole | undefined {
  const [only, ...more] = asked === '' ? roles.filter(client.mayHave) : [];
  if (only && more.length === 0) return only;
  const withArn = roles.filter(({ roleArn }) => roleArn === asked);
  return roles.find(({ name }) => name === asked) ?? withArn.find(client.mayHave) ?? withArn[0];
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
