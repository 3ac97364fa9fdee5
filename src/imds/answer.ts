/** The whole list: SDKs give each of these a meaning, and some of them crash on others. */
export type AnswerStatus = 200 | 400 | 401 | 403 | 404 | 405 | 503;

export interface Answer {
  readonly status: AnswerStatus;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** EC2's `Server`: Terraform used to look for it. `text/plain` also for JSON, as EC2 has it. */
const COMMON = { server: 'EC2ws', 'cache-control': 'no-store', 'accept-ranges': 'none' };

export function success(body: Buffer | string): Answer {
  return answer(200, 'text/plain', body);
}

const PAGES = {
  400: page(400, 'Bad Request', 'This is not a request of the IMDSv2 protocol.'),
  401: page(401, 'Unauthorized', 'A valid X-aws-ec2-metadata-token is required: PUT /latest/api/token gives one.'),
  403: page(403, 'Forbidden', 'This request is refused; the log of imds-anywhere says why.'),
  404: page(404, 'Not Found', 'There is nothing at this path.'),
  405: page(405, 'Method Not Allowed', 'This path has other methods.'),
  503: page(503, 'Service Unavailable', 'There are no credentials now; the log of imds-anywhere says why.'),
};

/** Always the same bytes for a status: nothing of the request and nothing secret can be in them. */
export function failure(status: Exclude<AnswerStatus, 200>): Answer {
  return PAGES[status];
}

export function withHeaders(base: Answer, headers: Readonly<Record<string, string>>): Answer {
  return { ...base, headers: { ...base.headers, ...headers } };
}

function page(status: AnswerStatus, title: string, sentence: string): Answer {
  return answer(status, 'text/html', errorPage(`${status} - ${title}`, sentence));
}

/** Well-formed XML (Go v1 parses it), and never a bare word: the CRT takes the body of a failed listing for a role name. */
export function errorPage(title: string, sentence: string): string {
  return `<html><head><title>${title}</title></head><body><h1>${title}</h1><p>${sentence}</p></body></html>`;
}

function answer(status: AnswerStatus, type: string, content: Buffer | string): Answer {
  const body = Buffer.from(content);
  return { status, headers: { ...COMMON, 'content-type': type, 'content-length': String(body.length) }, body };
}
