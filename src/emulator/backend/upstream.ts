import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../foundation/errors.ts';
import { StsError } from '../sts-answer.ts';
import type { WireHead } from '../wire-request.ts';

/** A server that plays the services, such as moto's or LocalStack's. It believes what the emulator passes on. */
export interface Backend {
  readonly url: URL;
  /** Of the caller. moto would derive one from the access key. */
  readonly accountId: string;
}

/** Of this connection, not of the request. The emulator itself answers `Expect`. */
const HOP_BY_HOP = /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect)$/;

/**
 * Sends a request to the backend, with the caller's headers. Resolves when the answer begins.
 *
 * @throws StsError if the backend does not answer, or the one that a part of `body` fails with.
 */
export async function sendUpstream(
  backend: Backend,
  head: WireHead,
  body: readonly [Readable, ...Transform[]],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { protocol, hostname, port, pathname } = backend.url;
  const request = (protocol === 'https:' ? https : http).request({
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    method: head.method,
    path: pathname.replace(/\/$/, '') + head.path + (head.query === '' ? '' : `?${head.query}`),
    headers: headersOf(head, backend),
    setHost: false,
    agent: false,
    signal,
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  // Of the two, the body fails first if it is not what was signed.
  const sent = pipeline([...body, request]);
  try {
    return await Promise.race([answer, sent.then(() => answer)]);
  } catch (error) {
    request.destroy();
    answer.catch(() => undefined);
    throw error instanceof StsError ? error : unavailable(backend, error);
  }
}

/** Node insists on one Host, and joins other repeated headers itself. */
function headersOf({ headers }: WireHead, { accountId }: Backend): Record<string, string | string[]> {
  const kept = [...headers].filter(([name]) => !HOP_BY_HOP.test(name));
  const sent = kept.map(([name, [first = '', ...more]]) => [name, more.length === 0 ? first : [first, ...more]]);
  return { ...(Object.fromEntries(sent) as Record<string, string | string[]>), 'x-moto-account-id': accountId };
}

function unavailable({ url }: Backend, error: unknown): StsError {
  const detail = `the backend ${url.origin} does not answer: ${messageOf(error)}`;
  return new StsError('ServiceUnavailable', 503, 'Service Unavailable', detail);
}
