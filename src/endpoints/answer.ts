import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { EndpointRequest } from './request.ts';

/** The complete list: SDKs give each of these a meaning, and some crash on others. */
export type AnswerStatus = 200 | 400 | 401 | 403 | 404 | 405 | 503;

export interface Answer {
  readonly status: AnswerStatus;
  /** Names and values alternate, as sent, including `content-length`. */
  readonly headers: readonly string[];
  /** One character per byte, which Node writes together with the head in one call. */
  readonly body: string;
  /** The result of the request, for the observers. */
  readonly outcome: Outcome;
}

export interface Outcome {
  /** `none`: rejected before the path was read, by the guard or without a token. */
  readonly resource: 'token' | 'credentials' | 'other' | 'none';
  /** The requested role, if many are served at one address. */
  readonly role?: string;
  /** The session whose credentials were returned. */
  readonly session?: RoleSession;
  /** Why it was rejected: a code of docs/errors.md. */
  readonly refusal?: { readonly code: string };
  /** The pod that asked, if its token says so. */
  readonly pod?: AskingPod;
}

export interface AskingPod {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  readonly podUid: string;
}

/** A request and its result, for metrics and records. */
export interface Answered {
  readonly request: EndpointRequest;
  readonly status: AnswerStatus;
  readonly outcome: Outcome;
}

const OTHER: Outcome = { resource: 'other' };

/**
 * @param headers - names and values alternate, without `content-length`.
 * @param content - text is sent as UTF-8.
 */
export function answerOf(
  status: AnswerStatus,
  headers: readonly string[],
  content: string,
  outcome: Outcome = OTHER,
): Answer {
  const body = /^[ -~]*$/.test(content) ? content : Buffer.from(content).toString('latin1');
  return { status, headers: [...headers, 'content-length', String(body.length)], body, outcome };
}

export function withHeader({ status, headers, body, outcome }: Answer, name: string, value: string): Answer {
  return { status, headers: [...headers, name, value], body, outcome };
}

export function withOutcome(answer: Answer, outcome: Outcome): Answer {
  return { ...answer, outcome };
}

/**
 * Well-formed XML, because Go v1 parses it. Never a single word, because the CRT uses the body of a
 * failed listing as a role name.
 */
export function errorPage(title: string, sentence: string): string {
  return `<html><head><title>${title}</title></head><body><h1>${title}</h1><p>${sentence}</p></body></html>`;
}
