/** The whole list: SDKs give each of these a meaning, and some of them crash on others. */
export type AnswerStatus = 200 | 400 | 401 | 403 | 404 | 405 | 503;

export interface Answer {
  readonly status: AnswerStatus;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function withHeaders(base: Answer, headers: Readonly<Record<string, string>>): Answer {
  return { ...base, headers: { ...base.headers, ...headers } };
}

/** Well-formed XML (Go v1 parses it), and never a bare word: the CRT takes the body of a failed listing for a role name. */
export function errorPage(title: string, sentence: string): string {
  return `<html><head><title>${title}</title></head><body><h1>${title}</h1><p>${sentence}</p></body></html>`;
}
