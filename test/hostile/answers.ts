import { expect } from 'vitest';

/** Marked text in every meaningless place of a request, to detect reflection. */
export const MARK = 'zqxmark';

export interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

const HEAD = /^HTTP\/1\.1 (?<status>\d{3}) [A-Za-z -]+\r\n(?:[A-Za-z0-9-]+: ?[ -~]*\r\n)*\r\n/;
const LENGTH = /\r\ncontent-length: (\d+)(?=\r\n)/gi;

/** The statuses for any request, and 408 and 431 for incomplete ones. */
const STATUSES = new Set([200, 400, 401, 403, 404, 405, 408, 431, 503]);

/** A file of ours or of Node's with a line number, or a line of a stack. */
const TRACE = /\n\s+at |node:[a-z]+|\.[jt]s:\d/;

/** Checks for all answers to any request. The received bytes must be complete answers. */
export function checkedAnswers(received: string, ...absent: readonly string[]): readonly WireAnswer[] {
  const answers = wholeAnswers(received);
  if (!answers) throw new Error(`not a row of whole answers: ${JSON.stringify(received)}`);
  for (const { status } of answers) expect(STATUSES).toContain(status);
  for (const text of [MARK, ...absent]) expect(received).not.toContain(text);
  expect(received).not.toMatch(TRACE);
  return answers;
}

/** Parses the bytes of a connection; undefined if their length does not match the answers. */
function wholeAnswers(received: string): readonly WireAnswer[] | undefined {
  if (received === '') return [];
  const head = HEAD.exec(received)?.[0];
  if (head === undefined) return undefined;
  const status = Number(head.slice(9, 12));
  const lengths = [...head.matchAll(LENGTH)].map(([, digits]) => Number(digits));
  if (lengths.length !== 1) return undefined;
  // The answer to a HEAD has a Content-Length without a body.
  for (const length of new Set([lengths[0] ?? 0, 0])) {
    const end = head.length + length;
    const others = end <= received.length ? wholeAnswers(received.slice(end)) : undefined;
    if (others) return [{ status, body: received.slice(head.length, end) }, ...others];
  }
  return undefined;
}
