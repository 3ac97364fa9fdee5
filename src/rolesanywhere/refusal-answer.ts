import type { HttpAnswer } from './send.ts';
import { requestIdOf } from './send.ts';

/** What a service says about a call it did not grant. */
export interface Refusal {
  readonly status: number;
  /** Such as `AccessDeniedException`; empty where the answer has none. */
  readonly type: string;
  /** The service's own words, harmless to print; empty where there are none. */
  readonly message: string;
  /** All of it in one line. */
  readonly text: string;
}

export function readRefusal(answer: HttpAnswer): Refusal {
  const { status, headers } = answer;
  const body = parseObject(answer.body);
  const type = typeOf(headers['x-amzn-errortype'] ?? firstText(body, ['__type', 'code', 'Code']));
  const message = printable(body ? firstText(body, ['message', 'Message']) : plainText(answer.body));
  return { status, type, message, text: describe(answer, type, message) };
}

function describe(answer: HttpAnswer, type: string, message: string): string {
  const words = message === '' ? 'without a message' : `"${message}"`;
  const location = printable(answer.headers['location'] ?? '');
  // AWS does not say what was really wrong; the emulator does.
  const detail = printable(answer.headers['x-emulator-detail'] ?? '');
  return [
    `the endpoint answered ${answer.status}${type === '' ? '' : ` ${type}`} ${words}`,
    ...(location === '' ? [] : [`redirecting to ${location}`]),
    ...(detail === '' ? [] : [`the emulator's reason: ${detail}`]),
    ...(requestIdOf(answer) === undefined ? ['no request id, so the response may not be from AWS'] : []),
  ].join('; ');
}

/** `namespace#Type:more`, as the SDKs trim it. */
function typeOf(raw: string): string {
  const type =
    raw
      .slice(raw.lastIndexOf('#') + 1)
      .split(':', 1)[0]
      ?.trim() ?? '';
  return /^[\w.]{1,100}$/.test(type) ? type : '';
}

function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function firstText(body: Record<string, unknown> | undefined, names: readonly string[]): string {
  const values = names.map((name) => (body && Object.hasOwn(body, name) ? body[name] : undefined));
  return values.find((value): value is string => typeof value === 'string' && value !== '') ?? '';
}

/** What is broken JSON could be half an answer with a secret in it. */
function plainText(body: string): string {
  return /^\s*[[{"]/.test(body) ? '' : body;
}

const LONGEST_MESSAGE = 500;

/** In one line, bounded, without control characters and what else moves a cursor or turns text around. */
function printable(text: string): string {
  const line = text
    .slice(0, 4 * LONGEST_MESSAGE)
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}
