import { timingSafeEqual } from 'node:crypto';
import { containerHandler } from '../container/container-handler.ts';
import { failure } from '../container/credential-answer.ts';
import { digestOf, newToken } from '../container/token-rotation.ts';
import { serverLimits } from '../endpoints/bounded-server.ts';
import type { HeldSession } from '../endpoints/held-session.ts';
import { listenAt } from '../endpoints/listen.ts';
import { buildListener } from '../endpoints/listener.ts';
import { requestGuard } from '../endpoints/request-guard.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import type { Secret } from '../foundation/secret.ts';

export interface ProgramEndpoint {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Its only token, which exists only in memory. */
  readonly token: Secret;
}

export interface ProgramEndpointParts {
  readonly roleArn: string;
  readonly session: HeldSession;
  readonly clock: Clock;
  readonly log: Log;
}

const HOST = '127.0.0.1';

/** One program and its children. */
const LIMITS = { ...serverLimits, connections: 256 };

/**
 * Container credentials for one program, until this process ends. @throws CodedError
 * ENDPOINT_CANNOT_LISTEN
 */
export async function openProgramEndpoint(parts: ProgramEndpointParts): Promise<ProgramEndpoint> {
  const { roleArn, session, clock, log } = parts;
  const { token, digest } = newToken();
  const server = await buildListener({
    kind: 'container',
    guard: requestGuard({ host: HOST, allowedHosts: [] }),
    handler: containerHandler({
      roles: () => [{ name: 'program', roleArn, session }],
      clientOf: (headers) => {
        const [sent = '', ...more] = headers.get('authorization') ?? [];
        const sentDigest = more.length === 0 ? digestOf(sent) : undefined;
        if (!sentDigest || !timingSafeEqual(sentDigest, digest)) return undefined;
        return { client: 'program', mayHave: () => true };
      },
      refused: ({ code, message }) => {
        log('debug', 'request refused', { code, error: message });
      },
    }),
    failure,
    limits: LIMITS,
    clock,
    log,
  });
  const { address } = await listenAt(server, { host: HOST, port: 0 }, 'the endpoint of the program');
  return { url: address, token };
}
