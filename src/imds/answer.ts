import { type Answer, answerOf, type AnswerStatus, errorPage, type Outcome } from '../endpoints/answer.ts';

/** EC2's `Server`, which older Terraform versions require. `text/plain` for JSON too, like EC2. */
const COMMON = ['server', 'EC2ws', 'cache-control', 'no-store', 'accept-ranges', 'none'];

export function success(body: string, outcome?: Outcome): Answer {
  return answerOf(200, [...COMMON, 'content-type', 'text/plain'], body, outcome);
}

const PAGES = {
  400: page(400, 'Bad Request', 'This is not a request of the IMDSv2 protocol.'),
  401: page(401, 'Unauthorized', 'A valid X-aws-ec2-metadata-token is required; get one with PUT /latest/api/token.'),
  403: page(403, 'Forbidden', 'Request refused; see the imds-anywhere log.'),
  404: page(404, 'Not Found', 'There is nothing at this path.'),
  405: page(405, 'Method Not Allowed', 'This path does not support this method.'),
  503: page(503, 'Service Unavailable', 'No credentials available; see the imds-anywhere log.'),
};

/** Always the same bytes for a status, without any part of the request and without secrets. */
export function failure(status: Exclude<AnswerStatus, 200>): Answer {
  return PAGES[status];
}

function page(status: AnswerStatus, title: string, sentence: string): Answer {
  return answerOf(status, [...COMMON, 'content-type', 'text/html'], errorPage(`${status} - ${title}`, sentence));
}
