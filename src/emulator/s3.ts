/**
 * Just enough of S3 to show that a client signs with its session: ListBuckets, with an empty
 * result.
 */
import { sha256Hex } from './signature/canonical-request.ts';
import { type SigningService, verifyHmacAuthorization } from './signature/hmac-authorization.ts';
import type { StsAnswer, StsTerms } from './sts.ts';
import { element, StsError, xml } from './sts-answer.ts';
import { headerText, type WireReply } from './wire-reply.ts';
import { onlyHeader, type WireRequest } from './wire-request.ts';

const UNSIGNED = 'UNSIGNED-PAYLOAD';

/**
 * The header contains the signed payload hash, or says that the payload is unsigned. The path is
 * `/`, so S3's path encoding does not matter.
 */
const S3: SigningService = {
  name: 's3',
  payloadHash: (request) => {
    const said = onlyHeader(request, 'x-amz-content-sha256');
    const actual = sha256Hex(request.body);
    if (said === UNSIGNED || said === actual) return said;
    const message = 'The provided x-amz-content-sha256 header does not match what was computed.';
    throw new StsError('XAmzContentSHA256Mismatch', 400, message, `it is ${said ?? 'missing'} and not ${actual}`);
  },
};

/** Whether the request, signed or not, lists the buckets. STS calls name an action. */
export function isListBuckets({ method, path }: WireRequest): boolean {
  return method === 'GET' && path === '/';
}

export function answerListBuckets(
  request: WireRequest,
  { sessions, requestId, now }: Pick<StsTerms, 'sessions' | 'requestId' | 'now'>,
): StsAnswer {
  try {
    const session = verifyHmacAuthorization(request, S3, sessions, now);
    return { reply: xmlReply(200, bucketList(session.assumedRoleId)) };
  } catch (error) {
    if (error instanceof StsError) return { reply: s3ErrorReply(error, requestId), error };
    throw error;
  }
}

export function s3ErrorReply(error: StsError, requestId: string): WireReply {
  const fields = { Code: error.code, Message: xml(error.message), RequestId: requestId };
  const content = Object.entries(fields).map(([name, value]) => element(name, value));
  return xmlReply(error.status, element('Error', content.join('')), { 'x-emulator-detail': headerText(error.detail) });
}

function bucketList(ownerId: string): string {
  const owner = element('Owner', element('ID', xml(ownerId)));
  return `<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${owner}<Buckets/></ListAllMyBucketsResult>`;
}

function xmlReply(status: number, content: string, headers: WireReply['headers'] = {}): WireReply {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${content}`;
  return { status, headers: { 'Content-Type': 'application/xml', ...headers }, body };
}
