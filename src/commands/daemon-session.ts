import { connect } from 'node:net';
import { DEFAULT_SOCKET } from '../foundation/daemon-socket.ts';
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

/** @throws CodedError DAEMON_NOT_THERE, DAEMON_REFUSED */
export async function daemonSession(socket: string | undefined, role: string | undefined): Promise<HandedSession> {
  const session = await sessionFromDaemon(socket ?? DEFAULT_SOCKET, role);
  if (session) return session;
  if (socket === undefined)
    throw commandError(
      'NO_CONFIGURATION',
      `no daemon listens on ${DEFAULT_SOCKET}, and neither a configuration file nor flags were given`,
    );
  throw commandError('DAEMON_NOT_THERE', `no daemon answers on ${socket}`);
}

async function askTrusted(socket: string, path: string): Promise<Answer> {
  await checkSocket(socket);
  return ask(socket, path);
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A session takes 2 kB. */
const MOST_BYTES = 64 * 1024;

/** One request on a connection of its own. Loading node:http and using it takes 5 ms more than this. */
async function ask(socketPath: string, path: string): Promise<Answer> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const connection = connect(socketPath);
    const late = setTimeout(() => connection.destroy(new Error('no answer in time')), DEADLINE_MS);
    connection.once('error', reject).once('end', resolve);
    connection.once('close', () => {
      clearTimeout(late);
      reject(new Error('the connection was closed'));
    });
    let received = 0;
    connection.on('data', (chunk) => {
      chunks.push(chunk);
      received += chunk.length;
      if (received > MOST_BYTES) connection.destroy(new Error('the answer is too long'));
    });
    connection.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  });
  return answerIn(Buffer.concat(chunks));
}

/** The daemon states the length of each body. @throws Error if the answer is cut off or in another form. */
function answerIn(response: Buffer): Answer {
  const end = response.indexOf('\r\n\r\n');
  const head = response.toString('latin1', 0, Math.max(end, 0));
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(head) ?? [];
  const [, length] = /^content-length: (\d+)\r?$/im.exec(head) ?? [];
  const body = response.subarray(end + 4);
  if (status === undefined || Number(length) !== body.length) throw new Error('not a whole answer');
  return { status: Number(status), body: body.toString('utf8') };
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
