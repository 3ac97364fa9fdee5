/**
 * What S3 requests need. S3 has no operation names on the wire: method, path and sub-resource
 * decide. Source: Service Authorization Reference, and the "Permissions" part of each page of the S3
 * API.
 */
import type { NeededPermissions, Permission } from './permission.ts';

export interface S3Request {
  readonly method: string;
  /** Undefined for the service itself. */
  readonly bucket: string | undefined;
  /** Percent-decoded; undefined for the bucket itself. */
  readonly key: string | undefined;
  readonly query: ReadonlyMap<string, string>;
  readonly header: (name: string) => string | undefined;
  readonly partition: string;
}

interface Subresource {
  /** What the action is about: `Get` + noun. */
  readonly noun: string;
  /** Verbs for the other methods, where S3 has them. */
  readonly PUT?: 'Put';
  readonly DELETE?: 'Put' | 'Delete';
}

const read = (noun: string): Subresource => ({ noun });
const written = (noun: string): Subresource => ({ noun, PUT: 'Put' });
/** Mostly, a deletion needs the permission to write. */
const removed = (noun: string, verb: 'Put' | 'Delete' = 'Put'): Subresource => ({ noun, PUT: 'Put', DELETE: verb });

const OF_BUCKET: Readonly<Record<string, Subresource>> = {
  accelerate: written('AccelerateConfiguration'),
  acl: written('BucketAcl'),
  analytics: removed('AnalyticsConfiguration'),
  cors: removed('BucketCORS'),
  encryption: removed('EncryptionConfiguration'),
  'intelligent-tiering': removed('IntelligentTieringConfiguration'),
  inventory: removed('InventoryConfiguration'),
  lifecycle: removed('LifecycleConfiguration'),
  location: read('BucketLocation'),
  logging: written('BucketLogging'),
  metrics: removed('MetricsConfiguration'),
  notification: written('BucketNotification'),
  'object-lock': written('BucketObjectLockConfiguration'),
  ownershipControls: removed('BucketOwnershipControls'),
  policy: removed('BucketPolicy', 'Delete'),
  policyStatus: read('BucketPolicyStatus'),
  publicAccessBlock: removed('BucketPublicAccessBlock'),
  replication: removed('ReplicationConfiguration'),
  requestPayment: written('BucketRequestPayment'),
  tagging: removed('BucketTagging'),
  versioning: written('BucketVersioning'),
  website: removed('BucketWebsite', 'Delete'),
};

/** The noun follows `Object`, or `ObjectVersion` for a version where S3 has that action. */
const OF_OBJECT: Readonly<Record<string, Subresource & { readonly versioned: boolean }>> = {
  acl: { ...written('Acl'), versioned: true },
  tagging: { ...removed('Tagging', 'Delete'), versioned: true },
  torrent: { ...read('Torrent'), versioned: true },
  retention: { ...written('Retention'), versioned: false },
  'legal-hold': { ...written('LegalHold'), versioned: false },
};

/** Parameters that select no other operation. Presigned URLs add those of their signature. */
const PLAIN_PARAMETERS =
  /^(?:list-type|prefix|delimiter|marker|max-keys|continuation-token|start-after|fetch-owner|encoding-type|key-marker|version-id-marker|upload-id-marker|max-uploads|max-buckets|bucket-region|max-parts|part-number-marker|x-id|id|versionId|partNumber|uploadId|response-.*|x-amz-.*)$/i;

/** Headers of a PUT that need a permission of their own. */
const WRITTEN_WITH: readonly (readonly [header: RegExp, action: string])[] = [
  [/^x-amz-tagging$/, 'PutObjectTagging'],
  [/^x-amz-(?:acl|grant-.*)$/, 'PutObjectAcl'],
  [/^x-amz-object-lock-(?:mode|retain-until-date)$/, 'PutObjectRetention'],
  [/^x-amz-object-lock-legal-hold$/, 'PutObjectLegalHold'],
];
const WRITE_HEADERS = [
  'x-amz-tagging',
  'x-amz-acl',
  ...['read', 'read-acp', 'write-acp', 'full-control'].map((grant) => `x-amz-grant-${grant}`),
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-object-lock-legal-hold',
];

/** The objects of a DeleteObjects call come from its body. Undefined: not an operation known here. */
export function s3Permissions(request: S3Request, toDelete: readonly S3Object[]): NeededPermissions | undefined {
  if (request.bucket === undefined) {
    if (request.method !== 'GET') return undefined;
    return needs('ListBuckets', [{ action: 's3:ListAllMyBuckets', resource: '*', shown: '' }]);
  }
  const subresource = [...request.query.keys()].find((name) => !PLAIN_PARAMETERS.test(name));
  if (request.key === undefined) return ofBucket(request, request.bucket, subresource, toDelete);
  return ofObject(request, { bucket: request.bucket, key: request.key }, subresource);
}

export interface S3Object {
  readonly key: string;
  readonly versionId: string | undefined;
}

function ofBucket(
  request: S3Request,
  bucket: string,
  subresource: string | undefined,
  toDelete: readonly S3Object[],
): NeededPermissions | undefined {
  const { method } = request;
  const on = (eventName: string, action = eventName): NeededPermissions =>
    needs(eventName, [{ action: `s3:${action}`, resource: bucketArn(request, bucket), keys: listKeys(request) }]);
  if (subresource === 'delete' && method === 'POST')
    return needs(
      'DeleteObjects',
      toDelete.map((object) => deletion(request, bucket, object)),
    );
  if (subresource === 'versions' && method === 'GET') return on('ListObjectVersions', 'ListBucketVersions');
  if (subresource === 'uploads' && method === 'GET') return on('ListMultipartUploads', 'ListBucketMultipartUploads');
  if (subresource !== undefined) {
    const row = OF_BUCKET[subresource];
    const action = row && actionOn(method, row, row.noun);
    return action === undefined ? undefined : on(action);
  }
  if (method === 'HEAD') return on('HeadBucket', 'ListBucket');
  if (method === 'GET') return on('ListObjects', 'ListBucket');
  if (method === 'PUT') return on('CreateBucket');
  return method === 'DELETE' ? on('DeleteBucket') : undefined;
}

function actionOn(method: string, row: Subresource, noun: string): string | undefined {
  const verb = { GET: 'Get', PUT: row.PUT, DELETE: row.DELETE }[method];
  return verb === undefined ? undefined : verb + noun;
}

interface Target {
  readonly bucket: string;
  readonly key: string;
}

function ofObject(request: S3Request, target: Target, subresource: string | undefined): NeededPermissions | undefined {
  const version = request.query.get('versionId');
  const resource = objectArn(request, target);
  const on = (eventName: string, ...actions: readonly string[]): NeededPermissions =>
    needs(
      eventName,
      actions.map((action) => ({
        action: `s3:${action}`,
        resource,
        keys: version === undefined ? {} : { 's3:VersionId': version },
      })),
    );
  const form = version === undefined ? '' : 'Version';
  if (subresource === undefined) return plainObject(request, target, on, form);
  if (subresource === 'attributes' && request.method === 'GET')
    return on('GetObjectAttributes', `GetObject${form}`, `GetObject${form}Attributes`);
  if (request.method === 'POST')
    return {
      uploads: writing(request, target, 'CreateMultipartUpload'),
      restore: on('RestoreObject', 'RestoreObject'),
    }[subresource];
  const row = OF_OBJECT[subresource];
  const action = row && actionOn(request.method, row, `Object${row.versioned ? form : ''}${row.noun}`);
  return action === undefined ? undefined : on(action, action);
}

function plainObject(
  request: S3Request,
  target: Target,
  on: (eventName: string, ...actions: readonly string[]) => NeededPermissions,
  form: string,
): NeededPermissions | undefined {
  const { method, query } = request;
  const upload = query.has('uploadId');
  if (method === 'GET' && upload) return on('ListParts', 'ListMultipartUploadParts');
  if (method === 'GET' || method === 'HEAD')
    return on(method === 'GET' ? 'GetObject' : 'HeadObject', `GetObject${form}`);
  if (method === 'DELETE')
    return upload ? on('AbortMultipartUpload', 'AbortMultipartUpload') : on('DeleteObject', `DeleteObject${form}`);
  if (method === 'POST' && upload) return on('CompleteMultipartUpload', 'PutObject');
  return method === 'PUT' ? writing(request, target, upload ? 'UploadPart' : 'PutObject') : undefined;
}

/** A copy also reads its source, which may be in another bucket. */
function writing(request: S3Request, target: Target, eventName: string): NeededPermissions | undefined {
  const resource = objectArn(request, target);
  const added = WRITE_HEADERS.filter((name) => request.header(name) !== undefined).flatMap((name) =>
    WRITTEN_WITH.flatMap(([header, action]) => (header.test(name) ? action : [])),
  );
  const needed: Permission[] = ['PutObject', ...new Set(added)].map((action) => ({
    action: `s3:${action}`,
    resource,
    keys: writeKeys(request, action),
  }));
  const copied = request.header('x-amz-copy-source');
  if (copied === undefined) return needs(eventName, needed);
  const source = copySource(copied);
  if (!source) return undefined;
  const reading = {
    action: source.versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion',
    resource: objectArn(request, source),
    keys: source.versionId === undefined ? {} : { 's3:VersionId': source.versionId },
  };
  return needs(eventName === 'UploadPart' ? 'UploadPartCopy' : 'CopyObject', [...needed, reading]);
}

/** `/bucket/key?versionId=...`, percent-encoded, with or without the first slash. */
function copySource(header: string): (Target & { readonly versionId: string | undefined }) | undefined {
  const [path = '', versionId] = header.split('?versionId=');
  try {
    const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decodeURIComponent(path)) ?? [];
    return bucket === undefined || key === undefined ? undefined : { bucket, key, versionId };
  } catch {
    return undefined;
  }
}

function deletion(request: S3Request, bucket: string, { key, versionId }: S3Object): Permission {
  return {
    action: versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion',
    resource: objectArn(request, { bucket, key }),
    keys: versionId === undefined ? {} : { 's3:VersionId': versionId },
  };
}

function listKeys({ query }: S3Request): Record<string, string> {
  const listing = ['prefix', 'delimiter', 'max-keys'].flatMap((name): [string, string][] => {
    const value = query.get(name);
    return value === undefined ? [] : [[`s3:${name}`, value]];
  });
  return Object.fromEntries(listing);
}

const KEYS_OF_WRITING: Readonly<Record<string, readonly string[]>> = {
  PutObject: ['x-amz-acl', 'x-amz-storage-class', 'x-amz-server-side-encryption', 'x-amz-copy-source'],
  PutObjectAcl: ['x-amz-acl'],
};

function writeKeys({ header }: S3Request, action: string): Record<string, string> {
  const names = KEYS_OF_WRITING[action] ?? [];
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = header(name);
      return value === undefined ? [] : [[`s3:${name}`, value]];
    }),
  );
}

function bucketArn({ partition }: S3Request, bucket: string): string {
  return `arn:${partition}:s3:::${bucket}`;
}

function objectArn(request: S3Request, { bucket, key }: Target): string {
  return `${bucketArn(request, bucket)}/${key}`;
}

function needs(eventName: string, permissions: readonly Permission[]): NeededPermissions {
  return { eventName, permissions };
}
