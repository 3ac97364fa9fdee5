import { isIP } from 'node:net';
import { onlyHeader, queryPairs, type WireHead } from '../wire-request.ts';

/** Bucket and key of a request, and the path with the bucket in it. */
export interface S3Address {
  readonly bucket: string | undefined;
  /** Percent-decoded. */
  readonly key: string | undefined;
  /** Undecoded; also for requests that have the bucket in the host name. */
  readonly path: string;
}

/**
 * Path style, or the bucket before `s3.` or before `localhost` in the host name.
 *
 * @throws URIError if the percent-encoding is invalid.
 */
export function s3Address(head: WireHead): S3Address {
  const inHost = bucketInHost(onlyHeader(head, 'host') ?? '');
  const path = inHost === undefined ? head.path : `/${inHost}${head.path}`;
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  return {
    bucket: bucket === '' ? undefined : decodeURIComponent(bucket),
    key: key === '' ? undefined : decodeURIComponent(key),
    path,
  };
}

function bucketInHost(host: string): string | undefined {
  const name = host.replace(/:\d+$/, '');
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return undefined;
  return /^(.+?)\.(?:s3(?:[.-][a-z0-9.-]+)?\.amazonaws\.com(?:\.cn)?|localhost)$/i.exec(name)?.[1];
}

/**
 * The first value of each parameter.
 *
 * @throws URIError if the percent-encoding is invalid.
 */
export function parametersOf(query: string): ReadonlyMap<string, string> {
  return new Map(queryPairs(query).reverse());
}
