import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { EndpointRequest } from './request.ts';

/** The whole list: SDKs give each of these a meaning, and some of them crash on others. */
export type AnswerStatus = 200 | 400 | 401 | 403 | 404 | 405 | 503;

export interface Answer {
  readonly status: AnswerStatus;
  /** Names and values in turn, as they go over the wire; `content-length` is among them. */
  readonly headers: readonly string[];
  /** One character for each byte, which Node writes together with the head in one call. */
  readonly body: string;
  /** What the request came to, for the observers. */
  readonly outcome: Outcome;
}

export interface Outcome {
  /** `none`: refused before the path was looked at, by the guard or for want of a token. */
  readonly resource: 'token' | 'credentials' | 'other' | 'none';
  /** The role that was asked for, where many are served at one address. */
  readonly role?: string;
  /** Whose credentials were handed out. */
  readonly session?: RoleSession;
  /** Why it was refused: a code of docs/errors.md. */
  readonly refusal?: { readonly code: string };
}

/** A request and what it came to, for those who count and keep records. */
export interface Answered extends Outcome {
  readonly request: EndpointRequest;
  readonly status: AnswerStatus;
}

const OTHER: Outcome = { resource: 'other' };

/**
 * @param headers - names and values in turn, without `content-length`.
 * @param content - text is sent as UTF-8.
 */
export function answerOf(
  status: AnswerStatus,
  headers: readonly string[],
  content: string,
  outcome: Outcome = OTHER,
): Answer {
  const body = Buffer.from(content).toString('latin1');
  return { status, headers: [...headers, 'content-length', String(body.length)], body, outcome };
}

export function withHeader(answer: Answer, name: string, value: string): Answer {
  return { ...answer, headers: [...answer.headers, name, value] };
}

export function withOutcome(answer: Answer, outcome: Outcome): Answer {
  return { ...answer, outcome };
}

/** Well-formed XML (Go v1 parses it), and never a bare word: the CRT takes the body of a failed listing for a role name. */
export function errorPage(title: string, sentence: string): string {
  return `<html><head><title>${title}</title></head><body><h1>${title}</h1><p>${sentence}</p></body></html>`;
}
