// The running daemon and its endpoints, asked as an SDK asks, by the user who runs doctor.

import { readFile, stat } from 'node:fs/promises';
import type { ClientTokenConfig, ContainerConfig, ImdsEndpointConfig, RoleConfig } from '../config/config.ts';
import { containerVariables } from '../environment/endpoint-variables.ts';
import { askedAddress, hostAndPort } from '../foundation/address.ts';
import { asCodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { listeningUsers } from '../platform/port-owner.ts';
import { parseArn, roleName } from '../rolesanywhere/arn.ts';
import { servedRoleArn } from '../rolesanywhere/role-target.ts';
import { askDaemon } from './daemon-status.ts';
import { doctorError } from './doctor-errors.ts';
import { asFinding, type Found, type Known, merged, type Request, type Step } from './step.ts';

export const ENDPOINTS: Step = { name: 'endpoints', title: 'endpoints', area: 'endpoint', check: checkEndpoints };

async function checkEndpoints(known: Known, request: Request): Promise<Found> {
  const { config, roles } = known;
  const now = request.clock.now();
  const names = roles.map(({ name }) => name);
  const found = await Promise.all([
    ...(config.admin ? [askDaemon(config.admin, names, request.ports)] : []),
    ...roles.flatMap(({ imds, ...role }) => (imds ? [askImds(role, imds, now)] : [])),
    ...(config.container ? clientsOf(config.container, names).map((one) => askContainer(one, known, now)) : []),
    ...(config.socket ? names.map((name) => askSocket(config.socket?.path ?? '', name, request)) : []),
  ]);
  const ofPods = config.container?.kubernetes
    ? [{ unchecked: ['the endpoint of pods: it wants the token of a pod'] }]
    : [];
  return merged([...found, ...ofPods]);
}

type Named = Pick<RoleConfig, 'name' | 'roleArn' | 'assume'>;

async function askImds(role: Named, imds: ImdsEndpointConfig, now: number): Promise<Found> {
  if (imds.port === 0)
    return { unchecked: [`the IMDS endpoint of role ${role.name}: its port is chosen at the start`] };
  const url = `http://${hostAndPort(askedAddress(imds))}`;
  const where = `${url} (IMDS, role ${role.name})`;
  const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
  const answer = await ask(`${url}/latest/api/token`, ttl, 'PUT');
  if (typeof answer !== 'string' && answer.server !== IMDS_SERVER)
    return foreign(where, `its Server header is "${answer.server}"`);
  const token = bodyOf(where, answer);
  if (typeof token !== 'string') return token;
  const headers = { 'x-aws-ec2-metadata-token': token };
  const list = `${url}/latest/meta-data/iam/security-credentials/`;
  const names = bodyOf(where, await ask(list, headers));
  if (typeof names !== 'string') return names;
  const wanted = roleName(parseArn(servedRoleArn(role), 'role'));
  if (names.trim() !== wanted)
    return failed('ENDPOINT_OTHER_ROLE', `${where} serves ${names.trim()} instead of ${wanted}`);
  return judgedDocument(where, await ask(`${list}${wanted}`, headers), now);
}

/** As `Server` of EC2, which the endpoint repeats. */
const IMDS_SERVER = 'EC2ws';

export interface LocalAnswer {
  readonly status: number;
  /** Of the Server header. */
  readonly server: string;
  readonly body: string;
}

/** A daemon answers from memory. Before its first session it takes up to a quarter of a second. */
const DEADLINE_MS = 3_000;

/** Asks like an SDK. @returns the reason as text if there is no answer. */
async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  method: 'GET' | 'PUT' = 'GET',
): Promise<LocalAnswer | string> {
  try {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const answer = await fetch(url, { method, headers, signal, redirect: 'manual' });
    return { status: answer.status, server: answer.headers.get('server') ?? '', body: await answer.text() };
  } catch (error) {
    return messageOf(error instanceof Error && error.cause instanceof Error ? error.cause : error);
  }
}

interface ContainerClient {
  readonly container: ContainerConfig;
  readonly token: ClientTokenConfig;
  readonly role: string;
}

function clientsOf(container: ContainerConfig, names: readonly string[]): readonly ContainerClient[] {
  return container.tokens.flatMap((token) =>
    token.roles.filter((role) => names.includes(role)).map((role) => ({ container, token, role })),
  );
}

/** With the token of the client, if this user can read it. */
async function askContainer({ container, token, role }: ContainerClient, { user }: Known, now: number): Promise<Found> {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: url } = containerVariables(
    `http://${hostAndPort(askedAddress(container))}`,
    role,
    token.file,
  );
  const where = `${url} (client ${token.client})`;
  try {
    const authorization = await readFile(token.file, 'utf8');
    const stranger = await strangerAt(container.port, [(await stat(token.file)).uid, user?.uid]);
    if (stranger !== undefined) return foreign(where, `it is of user ${stranger}, who did not get the token`);
    return judgedDocument(where, await ask(url, { authorization }), now);
  } catch (error) {
    if (systemCodeOf(error) === 'EACCES') return { unchecked: [`${where}: this user cannot read ${token.file}`] };
    return failed('CONTAINER_TOKEN_MISSING', `${where}: ${messageOf(error)}`);
  }
}

/**
 * While no daemon runs, any user may listen on its port, to collect tokens: also next to a listener
 * of root at another address.
 *
 * @param own - users of the daemon, besides root and this one.
 * @returns another user who listens on the port.
 */
async function strangerAt(port: number, own: readonly (number | undefined)[]): Promise<number | undefined> {
  const users = await listeningUsers(port);
  return users.find((uid) => ![0, process.geteuid?.(), ...own].includes(uid));
}

async function askSocket(socket: string, role: string, { ports }: Request): Promise<Found> {
  const where = `${socket} (role ${role})`;
  try {
    const session = await ports.askSocket(socket, role);
    return session ? { seen: [`${where} has a session`] } : failed('ENDPOINT_SILENT', `no daemon answers on ${where}`);
  } catch (error) {
    return { findings: [asFinding(asCodedError(error))] };
  }
}

/** Pure. A document with keys that have not expired, or why there is none. */
export function judgedDocument(where: string, answer: LocalAnswer | string, now: number): Found {
  const body = bodyOf(where, answer);
  if (typeof body !== 'string') return body;
  const { AccessKeyId: key, Expiration: expiration } = fieldsIn(body);
  if (key === undefined || expiration === undefined) return foreign(where, 'its document has no credentials');
  if (!(Date.parse(expiration) > now)) return failed('ENDPOINT_WITHOUT_SESSION', `${where} has an expired session`);
  return { seen: [`${where} has a session until ${expiration}`] };
}

function fieldsIn(body: string): Readonly<Record<'AccessKeyId' | 'Expiration', string | undefined>> {
  const field = (name: string): string | undefined => new RegExp(`"${name}"\\s*:\\s*"([^"]+)"`).exec(body)?.[1];
  return { AccessKeyId: field('AccessKeyId'), Expiration: field('Expiration') };
}

/** Of a 200; otherwise why there is none. */
function bodyOf(where: string, answer: LocalAnswer | string): string | Found {
  if (typeof answer === 'string') return failed('ENDPOINT_SILENT', `no answer from ${where}: ${answer}`);
  switch (answer.status) {
    case 200:
      return answer.body;
    case 401:
    case 403:
      return failed('ENDPOINT_REFUSES_USER', `${where} answers ${answer.status} to this user`);
    case 503:
      return failed('ENDPOINT_WITHOUT_SESSION', `${where} answers 503`);
    default:
      return foreign(where, `it answers ${answer.status}`);
  }
}

function foreign(where: string, why: string): Found {
  return failed('ENDPOINT_FOREIGN', `another program answers at ${where}: ${why}`);
}

function failed(code: Parameters<typeof doctorError>[0], what: string): Found {
  return { findings: [asFinding(doctorError(code, what))] };
}
