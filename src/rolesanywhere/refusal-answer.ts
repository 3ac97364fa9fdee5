import { type HttpAnswer, requestIdOf } from './send.ts';

/** The service's explanation of a refused call. */
export interface Refusal {
  readonly status: number;
  /** Such as `AccessDeniedException`; empty if the answer has none. */
  readonly type: string;
  /** The service's message, safe to print; empty if there is none. */
  readonly message: string;
  /** All of it on one line. */
  readonly text: string;
}

export function readRefusal(answer: HttpAnswer): Refusal {
  const body = parseObject(answer.body);
  const type = answer.headers['x-amzn-errortype'] ?? firstText(body, ['__type', 'code', 'Code']);
  return statedRefusal(answer, type, body ? firstText(body, ['message', 'Message']) : plainText(answer.body));
}

/** With the type and the message that the body states. */
export function statedRefusal(answer: HttpAnswer, statedType: string, statedMessage: string): Refusal {
  const [type, message] = [typeOf(statedType), printable(statedMessage)];
  return { status: answer.status, type, message, text: describe(answer, type, message) };
}

function describe(answer: HttpAnswer, type: string, message: string): string {
  const words = message === '' ? 'without a message' : `"${message}"`;
  const location = printable(answer.headers['location'] ?? '');
  // AWS hides the actual reason; the emulator shows it.
  const detail = printable(answer.headers['x-emulator-detail'] ?? '');
  return [
    `the endpoint answered ${answer.status}${type === '' ? '' : ` ${type}`} ${words}`,
    ...(location === '' ? [] : [`redirecting to ${location}`]),
    ...(detail === '' ? [] : [`the emulator's reason: ${detail}`]),
    ...(requestIdOf(answer) === undefined ? ['no request id, so the response may not be from AWS'] : []),
  ].join('; ');
}

/** `namespace#Type:more`, trimmed like the SDKs do. */
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

/** Invalid JSON could be a truncated answer with a secret in it. */
function plainText(body: string): string {
  return /^\s*[[{"]/.test(body) ? '' : body;
}

const LONGEST_MESSAGE = 500;

/**
 * Makes one short line without control characters and characters that move the cursor or reorder
 * text.
 */
function printable(text: string): string {
  const line = text
    .slice(0, 4 * LONGEST_MESSAGE)
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}
