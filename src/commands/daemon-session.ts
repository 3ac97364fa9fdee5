import { request } from 'node:http';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { Secret } from '../foundation/secret.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { commandError } from './command-errors.ts';
import { checkSocket } from './socket-trust.ts';

/** The part of a session that a process needs to pass it on. */
export type HandedSession = Pick<RoleSession, 'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration'> & {
  readonly roleArn: string;
};

/** A daemon answers from memory. Before its first session it takes up to a quarter of a second. */
const DEADLINE_MS = 2_000;

/**
 * The current session of a running daemon, in one local round trip.
 *
 * @param socket - path of the daemon's Unix socket.
 * @param role - its name or ARN; undefined: the only role.
 * @returns undefined if no daemon answers.
 * @throws CodedError SOCKET_NOT_TRUSTED; DAEMON_REFUSED: the daemon has no such role, has no
 * session for it, or denies this user.
 */
export async function sessionFromDaemon(socket: string, role: string | undefined): Promise<HandedSession | undefined> {
  const path = `/v1/credentials/${encodeURI(role ?? '')}`;
  const answer = await askTrusted(socket, path).catch((error: unknown) => {
    if (error instanceof CodedError) throw error;
    if (systemCodeOf(error) === 'EACCES') return { status: 403, body: '' };
    return undefined;
  });
  if (!answer) return undefined;
  if (answer.status === 200) return handedSession(answer.body);
  const what = `the daemon at ${socket} answers ${answer.status} for ${role ?? 'its only role'}`;
  throw commandError('DAEMON_REFUSED', what);
}

async function askTrusted(socket: string, path: string): Promise<Answer> {
  await checkSocket(socket);
  return ask(socket, path);
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const headers = { host: 'localhost' };
/** Without one, Node derives a name for TLS, for which it compiles an expression for 3 ms. */
const NO_SERVER_NAME = { servername: '' };

async function ask(socketPath: string, path: string): Promise<Answer> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  return new Promise((resolve, reject) => {
    const asked = request({ ...NO_SERVER_NAME, socketPath, path, signal, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('error', reject).once('end', () => {
        resolve({ status: response.statusCode ?? 0, body });
      });
    });
    asked.once('error', reject).end();
  });
}

function handedSession(body: string): HandedSession {
  const foreign = (why: string): CodedError =>
    commandError('DAEMON_REFUSED', `the server on the socket is not imds-anywhere: ${why}`);
  const answer = jsonIn(body) as Readonly<Record<string, unknown>> | null | undefined;
  const field = (name: string): string => {
    const value = answer?.[name];
    if (typeof value === 'string' && value !== '') return value;
    throw foreign(`${name} is missing`);
  };
  const expiration = Date.parse(field('Expiration'));
  if (!(expiration > Date.now())) throw foreign('its session has expired');
  return {
    accessKeyId: field('AccessKeyId'),
    secretAccessKey: new Secret(field('SecretAccessKey')),
    sessionToken: new Secret(field('Token')),
    expiration,
    roleArn: field('RoleArn'),
  };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
