// The one place that imports undici. Import this module with the first call: undici costs start time.
import { EnvHttpProxyAgent, request as httpRequest } from 'undici';
import { readCaBundle } from './ca-bundle.ts';
import { withDeadline } from './deadline.ts';
import { networkError } from './network-error.ts';
import { proxyOrigin, proxySettings, type Environment, type ProxySettings } from './proxy-settings.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';
import type { HttpAnswer, HttpRequest, Send } from './send.ts';

export interface TransportOptions {
  /** Sent unsigned, as the AWS helper does. */
  readonly userAgent: string;
  /** PEM file of the CAs to trust instead of Node's; read anew for each call. */
  readonly caBundle?: string;
  /** Where HTTPS_PROXY and NO_PROXY are looked up; nothing else in it has any influence. */
  readonly environment: Environment;
  readonly connectTimeoutMs?: number;
  readonly deadlineMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const DEADLINE_MS = 15_000;
const LARGEST_ANSWER = 1024 * 1024;

/**
 * One request per call over a connection of its own, since calls are half an hour apart: no pool, no redirect, no retry.
 * A role that is renewed while CA bundle or proxy change needs no restart.
 */
export function httpsTransport(options: TransportOptions): Send {
  return (request, signal) =>
    withDeadline(options.deadlineMs ?? DEADLINE_MS, signal, async (bounded) => {
      const target = new URL(request.url);
      const proxy = proxySettings(target, options.environment);
      const agent = await agentFor(options, proxy);
      bounded.throwIfAborted();
      // undici heeds the signal only once connected, and a proxy can keep it waiting for that.
      bounded.addEventListener('abort', () => void agent.destroy());
      try {
        return await exchange(agent, options.userAgent, request, bounded);
      } catch (error) {
        throw networkError(error, {
          origin: target.origin,
          proxy: proxyOrigin(proxy),
        });
      } finally {
        await agent.destroy();
      }
    });
}

async function agentFor(options: TransportOptions, proxy: ProxySettings): Promise<EnvHttpProxyAgent> {
  const connection = {
    timeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    // Said explicitly, since Node takes both defaults from its environment.
    minVersion: 'TLSv1.2' as const,
    rejectUnauthorized: true,
    ...(options.caBundle !== undefined && { ca: [...(await readCaBundle(options.caBundle))] }),
  };
  // An empty httpProxy keeps undici from HTTP_PROXY, which it would take for https as well.
  return new EnvHttpProxyAgent({
    httpProxy: '',
    ...proxy,
    connect: connection,
    requestTls: connection,
    proxyTls: connection,
  });
}

async function exchange(
  agent: EnvHttpProxyAgent,
  userAgent: string,
  { url, method, headers, body }: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const sent = { ...headers, 'user-agent': userAgent };
  const answer = await httpRequest(url, { dispatcher: agent, method, headers: sent, body, signal });
  return { status: answer.statusCode, headers: flat(answer.headers), body: await readBounded(answer.body) };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

async function readBounded(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST_ANSWER)
      throw rolesAnywhereError('RA_ANSWER_TOO_LARGE', `the answer is larger than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
