import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import { boundedServer, refuseProtocol, serverLimits } from '../doors/bounded-server.ts';
import { doorError } from '../doors/door-errors.ts';
import { loggedPath, requestHeaders, type DoorRequest } from '../doors/door-request.ts';
import { occasionalLog } from '../doors/occasional-log.ts';
import { requestGuard } from '../doors/request-guard.ts';
import { plain, type Page, type Pages } from './pages.ts';

export interface AdminServerParts {
  /** The address it is to listen on, where that is one. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly pages: Pages;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/** A probe, a scraper and some people. */
const LIMITS = { ...serverLimits, connections: 64 };

/** Not yet listening. It stands behind the guard of the doors: a web page has no business here either. */
export function buildAdminServer(parts: AdminServerParts): Server {
  const answer = answerTo(parts);
  const respond = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = requestOf(message);
    const page = await answer(request);
    send(message, response, page);
    parts.log('debug', 'admin request', {
      method: request.method,
      path: loggedPath(request.target),
      status: page.status,
    });
  };
  const server = boundedServer(LIMITS, (message, response) => void respond(message, response));
  server.on('drop', () => {
    parts.log('debug', 'an admin connection made room for another', { connections: LIMITS.connections });
  });
  return server.on('clientError', refuseProtocol);
}

/** Never rejects. */
function answerTo({
  host,
  allowedHosts,
  pages,
  clock,
  log,
}: AdminServerParts): (request: DoorRequest) => Promise<Page> {
  const guard = requestGuard({ host, allowedHosts });
  const complain = occasionalLog(log, clock, 'admin request not answered');
  return async (request) => {
    const refusal = guard(request);
    if (refusal) {
      complain(doorError(refusal.code, refusal.what));
      return plain(403, 'This request is refused; the log of imds-anywhere says why.');
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'GET or HEAD only');
    try {
      return (await pages(request.target.replace(/\?.*/s, ''))) ?? plain(404, 'There is nothing at this path.');
    } catch (error) {
      complain(asCodedError(error));
      return plain(503, 'This request could not be answered; the log of imds-anywhere says why.');
    }
  };
}

function requestOf({ method = '', url = '', rawHeaders, socket }: IncomingMessage): DoorRequest {
  const local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
  return { method, target: url, headers: requestHeaders(rawHeaders), local };
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, type, body }: Page): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(method === 'HEAD' ? undefined : body);
}
