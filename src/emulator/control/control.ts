import { jsonReply, type WireReply } from '../wire-reply.ts';
import type { WireHead, WireRequest } from '../wire-request.ts';
import type { Calls } from './calls.ts';
import type { EventLog } from './events.ts';
import { type Faults, parseFaults } from './faults.ts';

export interface ControlParts {
  readonly faults: Faults;
  readonly calls: Calls;
  readonly events: EventLog;
}

type Route = (request: WireRequest, parts: ControlParts) => WireReply;

const ABOUT = {
  name: 'imds-anywhere emulator',
  notice:
    'This is not AWS. It answers CreateSession of IAM Roles Anywhere, GetCallerIdentity and AssumeRole of STS and ListBuckets of S3 for a made-up account. With --backend, it passes on what the account allows.',
  paths: ['POST /sessions', 'POST /', 'GET /', '/_emulator/faults', '/_emulator/calls', '/_emulator/events'],
};

const ROUTES: Readonly<Record<string, Route>> = {
  'GET /_emulator': () => jsonReply(200, ABOUT),
  'GET /_emulator/calls': (_, { calls }) => jsonReply(200, calls.current()),
  'DELETE /_emulator/calls': (_, { calls }) => {
    calls.reset();
    return jsonReply(200, calls.current());
  },
  'GET /_emulator/events': (_, { events }) => jsonReply(200, events.last()),
  'GET /_emulator/faults': (_, { faults }) => jsonReply(200, faults.current()),
  'PUT /_emulator/faults': (request, { faults }) => switchFaults(request, faults),
  'DELETE /_emulator/faults': (_, { faults }) => {
    faults.set({});
    return jsonReply(200, faults.current());
  },
};

export function isControl({ path }: WireHead): boolean {
  return /^\/_emulator(?:\/|$)/.test(path);
}

/** Answers requests to the emulator itself; undefined for other paths. */
export function answerControl(request: WireRequest, parts: ControlParts): WireReply | undefined {
  if (!isControl(request)) return undefined;
  const route = ROUTES[`${request.method} ${request.path}`];
  return route?.(request, parts) ?? jsonReply(404, { message: `The emulator has: ${Object.keys(ROUTES).join(', ')}` });
}

function switchFaults(request: WireRequest, faults: Faults): WireReply {
  const parsed = parseFaults(jsonOf(request.body));
  if ('problems' in parsed) return jsonReply(400, { message: 'Invalid faults', problems: parsed.problems });
  faults.set(parsed.faults);
  return jsonReply(200, faults.current());
}

/**
 * Undefined for invalid JSON. The schema then rejects it, because a set of faults is never
 * undefined.
 */
function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
