/** From a request on the wire to what IAM has to allow. */
import { textIn } from '../../foundation/xml-text.ts';
import { onlyHeader, type WireHead } from '../wire-request.ts';
import { jsonPermissions } from './json-permissions.ts';
import { type AskBackend, type Input, inputIn, type NeededPermissions, type Place } from './permission.ts';
import { parametersOf, s3Address } from './s3-address.ts';
import { type S3Object, s3Permissions } from './s3-permissions.ts';

/** A signed request to a service. */
export interface ServiceRequest {
  readonly head: WireHead;
  /** The signing name in the credential scope. */
  readonly service: string;
  readonly place: Place;
  /** Empty where the body stays unread. */
  readonly body: Buffer;
}

/** Only DeleteObjects has its resources in the body. Other bodies of S3 may be of any size. */
export function isBodyNeeded({ service, head }: Pick<ServiceRequest, 'service' | 'head'>): boolean {
  return service !== 's3' || (head.method === 'POST' && /(?:^|&)delete(?:[&=]|$)/.test(head.query));
}

/**
 * Undefined for an operation that the emulator does not know.
 *
 * @throws URIError if the percent-encoding is invalid.
 */
export async function neededPermissions(
  request: ServiceRequest,
  ask: AskBackend,
): Promise<NeededPermissions | undefined> {
  if (request.service === 's3') return s3Needs(request);
  const call = operationOf(request);
  return call && jsonPermissions({ ...request, ...call, ask });
}

function s3Needs({ head, place, body }: ServiceRequest): NeededPermissions | undefined {
  const toDelete = objectsToDelete(body.toString('utf8'));
  return s3Permissions(
    {
      ...s3Address(head),
      method: head.method,
      query: parametersOf(head.query),
      header: (name) => head.headers.get(name)?.[0],
      partition: place.partition,
    },
    toDelete,
  );
}

/** The objects that the body of a DeleteObjects call names. */
function objectsToDelete(body: string): S3Object[] {
  return [...body.matchAll(/<Object>(.*?)<\/Object>/gs)].map(([, object = '']) => ({
    key: textIn(object, 'Key') ?? '',
    versionId: textIn(object, 'VersionId'),
  }));
}

/** What the request calls itself, whether its permissions are known or not. S3 has no such names. */
export function operationName(request: ServiceRequest): string | undefined {
  return request.service === 's3' ? undefined : operationOf(request)?.operation;
}

interface Operation {
  readonly operation: string;
  readonly input: Input;
}

/** A JSON protocol has the operation in a header, a query protocol in the form. */
function operationOf({ head, body }: ServiceRequest): Operation | undefined {
  const text = body.toString('utf8');
  const operation = /\.(\w+)$/.exec(onlyHeader(head, 'x-amz-target') ?? '')?.[1];
  if (operation !== undefined) return { operation, input: inputIn(text) ?? {} };
  const form = new URLSearchParams(head.method === 'POST' ? text : head.query);
  const action = form.get('Action');
  // Old clients of SQS have the URL of the queue as the URL of the request.
  const inPath = head.path === '/' ? {} : { QueueUrl: head.path };
  return action === null ? undefined : { operation: action, input: { ...inPath, ...Object.fromEntries(form) } };
}
