import { expect } from 'vitest';

/** What a request has in every place that means nothing: a reflection would show it. */
export const MARK = 'zqxmark';

export interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

const HEAD = /^HTTP\/1\.1 (?<status>\d{3}) [A-Za-z -]+\r\n(?:[A-Za-z0-9-]+: ?[ -~]*\r\n)*\r\n/;
const LENGTH = /\r\ncontent-length: (\d+)(?=\r\n)/gi;

/** Whatever was asked, and 408 and 431 for what never became a request. */
const STATUSES = new Set([200, 400, 401, 403, 404, 405, 408, 431, 503]);

/** A file of ours or of Node's with a line number, or a line of a stack. */
const TRACE = /\n\s+at |node:[a-z]+|\.[jt]s:\d/;

/** What none of the answers may have, whatever was asked, and all that came is whole answers. */
export function checkedAnswers(received: string, ...absent: readonly string[]): readonly WireAnswer[] {
  const answers = wholeAnswers(received);
  if (!answers) throw new Error(`not a row of whole answers: ${JSON.stringify(received)}`);
  for (const { status } of answers) expect(STATUSES).toContain(status);
  for (const text of [MARK, ...absent]) expect(received).not.toContain(text);
  expect(received).not.toMatch(TRACE);
  return answers;
}

/** Takes apart what a connection gave; undefined where it is not exactly as long as the answers say. */
function wholeAnswers(received: string): readonly WireAnswer[] | undefined {
  if (received === '') return [];
  const head = HEAD.exec(received)?.[0];
  if (head === undefined) return undefined;
  const status = Number(head.slice(9, 12));
  const lengths = [...head.matchAll(LENGTH)].map(([, digits]) => Number(digits));
  if (lengths.length !== 1) return undefined;
  // The answer to a HEAD has the length of a body that does not come.
  for (const length of new Set([lengths[0] ?? 0, 0])) {
    const end = head.length + length;
    const others = end <= received.length ? wholeAnswers(received.slice(end)) : undefined;
    if (others) return [{ status, body: received.slice(head.length, end) }, ...others];
  }
  return undefined;
}
