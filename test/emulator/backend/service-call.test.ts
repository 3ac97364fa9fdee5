import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RawConnection, rawExchange, type RawResponse } from '../../support/raw-http.ts';
import { type Credentials, credentialsOf, Emulated, permissionsPolicy } from '../support/emulated.ts';
import { type CallToSign, signedCall } from '../support/signed-call.ts';
import { bytesOf, type HttpRequest } from '../support/x509-client.ts';

const ACCOUNT = '111122223333';
const SECRET = `arn:aws:secretsmanager:eu-central-1:${ACCOUNT}:secret:app/db-Ab12Cd`;
const CALLER = `arn:aws:sts::${ACCOUNT}:assumed-role/device/5a01`;

const policies = [
  permissionsPolicy(
    'the inline policy upload',
    {
      Sid: 'Put',
      Effect: 'Allow',
      Action: 's3:PutObject',
      Resource: 'arn:aws:s3:::b-1/in/${aws:PrincipalTag/x509Subject/CN}/*',
    },
    { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::*/*' },
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::listable' },
    { Effect: 'Allow', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::b-1/in/*' },
    { Effect: 'Allow', Action: 'secretsmanager:RotateSecret', Resource: SECRET.replace('Ab12Cd', '*') },
    {
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: '*',
      Condition: { IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } },
    },
    {
      Effect: 'Allow',
      Action: 'logs:PutRetentionPolicy',
      Resource: `arn:aws:logs:eu-central-1:${ACCOUNT}:log-group:/app:*`,
    },
    { Sid: 'NoPurge', Effect: 'Deny', Action: 'sqs:PurgeQueue', Resource: '*' },
  ),
];

const containing = (part: string): string => expect.stringContaining(part) as string;

interface Received {
  readonly request: IncomingMessage;
  readonly body: string;
}

type Answer = (received: Received, response: ServerResponse) => void;

function reply(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-length': body.length, ...headers }).end(body);
}

/** A server that plays services and believes everything. */
class FakeBackend {
  readonly received: Received[] = [];
  answer: Answer = (_, response) => response.end('done');
  #broken = 0;
  readonly #server: Server = createServer((request, response) => {
    text(request).then(
      (body) => {
        this.received.push({ request, body });
        this.answer({ request, body }, response);
      },
      () => (this.#broken += 1),
    );
  });

  async listen(): Promise<URL> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  /** Requests that broke off before their end. */
  get broken(): number {
    return this.#broken;
  }

  get last(): Received | undefined {
    return this.received.at(-1);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const backend = new FakeBackend();
let emulated: Emulated;
let credentials: Credentials;

beforeAll(async () => {
  emulated = await Emulated.start({ role: { policies } }, { backend: await backend.listen() });
  credentials = credentialsOf(await emulated.createSession());
});
beforeEach(() => {
  backend.answer = (_, response) => response.end('done');
  backend.received.length = 0;
});
afterAll(async () => {
  backend.close();
  await emulated.stop();
});

function signed(
  call: Partial<CallToSign> & Pick<CallToSign, 'service'>,
  changes: Partial<Credentials> = {},
): HttpRequest {
  const host = call.host ?? `127.0.0.1:${emulated.port}`;
  return signedCall({ ...credentials, ...changes }, { host, at: emulated.clock.now(), ...call });
}

function put(path: string, body = 'reading'): HttpRequest {
  return signed({ service: 's3', method: 'PUT', path, body });
}

const get = (path: string): HttpRequest => signed({ service: 's3', method: 'GET', path });

function json(service: string, target: string, input: object): HttpRequest {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
  return signed({ service, headers, body: JSON.stringify(input) });
}

async function lastEvent(): Promise<Record<string, unknown> | undefined> {
  return ((await emulated.control('GET', '/events')).body as Record<string, unknown>[]).at(-1);
}

describe('an allowed call', () => {
  it('reaches the backend as it was sent, with the account for moto', async () => {
    backend.answer = (_, response) => {
      reply(response, 200, '', { ETag: '"x"', 'x-amz-request-id': 'of the backend' });
    };
    const response = await emulated.send(put('/b-1/in/device-0001/a%20b', 'reading'));
    expect(response).toMatchObject({ status: 200, headers: { etag: '"x"' } });
    const { request, body } = backend.last ?? {};
    expect(body).toBe('reading');
    expect(request).toMatchObject({
      method: 'PUT',
      url: '/b-1/in/device-0001/a%20b',
      headers: { 'x-moto-account-id': ACCOUNT, host: `127.0.0.1:${emulated.port}`, 'content-length': '7' },
    });
    expect(await lastEvent()).toMatchObject({
      eventSource: 's3.amazonaws.com',
      eventName: 'PutObject',
      requestID: response.headers['x-amz-request-id'],
      userIdentity: {
        arn: CALLER,
        accessKeyId: credentials.accessKeyId,
        sessionContext: { sourceIdentity: 'CN=device-0001' },
      },
      resources: [{ ARN: 'arn:aws:s3:::b-1/in/device-0001/a b' }],
      httpStatus: 200,
    });
  });

  it('gets the answer of the backend, whatever it is', async () => {
    backend.answer = (_, response) => {
      reply(response, 418, 'no coffee', { 'content-type': 'text/x' });
    };
    expect(await emulated.send(get('/b-1/k'))).toMatchObject({
      status: 418,
      headers: { 'content-type': 'text/x' },
      body: 'no coffee',
    });
  });

  it('is found by the name of a secret, whose whole ARN the backend knows', async () => {
    backend.answer = ({ request }, response) =>
      response.end(
        JSON.stringify(request.headers['x-amz-target'] === 'secretsmanager.DescribeSecret' ? { ARN: SECRET } : {}),
      );
    const response = await emulated.send(json('secretsmanager', 'secretsmanager.RotateSecret', { SecretId: 'app/db' }));
    expect(response.status).toBe(200);
    expect(backend.received.map(({ request, body }) => [request.headers['x-amz-target'], body])).toEqual([
      ['secretsmanager.DescribeSecret', '{"SecretId":"app/db"}'],
      ['secretsmanager.RotateSecret', '{"SecretId":"app/db"}'],
    ]);
  });

  it('may have either spelling of a log group in the policy', async () => {
    const response = await emulated.send(json('logs', 'Logs_20140328.PutRetentionPolicy', { logGroupName: '/app' }));
    expect(response.status).toBe(200);
  });

  it('may have the bucket in the host name, which the backend gets in the path', async () => {
    const request = signed({ service: 's3', method: 'GET', path: '/k', host: `b-1.localhost:${emulated.port}` });
    expect(await emulated.send(request)).toMatchObject({ status: 200 });
    expect(backend.last?.request.url).toBe('/b-1/k');
  });

  it('is answered 503 if the backend is away', async () => {
    const away = await Emulated.start({ role: { policies } }, { backend: new URL('http://127.0.0.1:9') });
    const own = credentialsOf(await away.createSession());
    const call = { service: 's3', method: 'GET', path: '/b-1/k', host: `127.0.0.1:${away.port}`, at: away.clock.now() };
    const response = await away.send(signedCall(own, call));
    await away.stop();
    expect(response).toMatchObject({
      status: 503,
      body: containing('<Code>ServiceUnavailable<'),
    });
    expect(response.headers['x-emulator-detail']).toContain('http://127.0.0.1:9 does not answer');
  });

  it('is logged with its operation, even if the backend was away before its permission was known', async () => {
    const away = await Emulated.start({ role: { policies } }, { backend: new URL('http://127.0.0.1:9') });
    const own = credentialsOf(await away.createSession());
    await away.send(
      signedCall(own, {
        service: 'secretsmanager',
        host: `127.0.0.1:${away.port}`,
        at: away.clock.now(),
        headers: { 'x-amz-target': 'secretsmanager.RotateSecret' },
        body: '{"SecretId":"app/db"}',
      }),
    );
    await away.stop();
    expect(away.log.at(-1)).toMatchObject({ message: 'RotateSecret refused', fields: { error: 'ServiceUnavailable' } });
  });
});

/** The message of a denial, in JSON or XML. */
function messageIn({ body }: RawResponse): string {
  const text = /"Message":"((?:[^"\\]|\\.)*)"|<Message>(.*?)<\/Message>/.exec(body);
  return (text?.[1] ?? text?.[2] ?? '').replaceAll('&#34;', '"').replaceAll(String.raw`\"`, '"');
}

describe('a denied call', () => {
  it.each<[string, () => HttpRequest, object, string]>([
    [
      's3',
      () => put('/b-1/in/device-0002/x'),
      {
        status: 403,
        headers: { 'content-type': 'application/xml' },
        body: containing('<Code>AccessDenied</Code>'),
      },
      `s3:PutObject on resource: "arn:aws:s3:::b-1/in/device-0002/x" because no identity-based policy allows the s3:PutObject action`,
    ],
    [
      's3 without a resource',
      () => get('/'),
      { status: 403 },
      's3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action',
    ],
    [
      'secretsmanager, of a secret that the backend does not have',
      () => json('secretsmanager', 'secretsmanager.GetSecretValue', { SecretId: 'other' }),
      { status: 400, body: containing('"__type":"AccessDeniedException"') },
      'secretsmanager:GetSecretValue on resource: other because no identity-based policy allows the secretsmanager:GetSecretValue action',
    ],
    [
      'dynamodb',
      () => json('dynamodb', 'DynamoDB_20120810.ListTables', {}),
      { status: 400, body: containing('"__type":"com.amazon.coral.service#AccessDeniedException"') },
      `dynamodb:ListTables on resource: arn:aws:dynamodb:eu-central-1:${ACCOUNT}:table/* because no identity-based policy allows the dynamodb:ListTables action`,
    ],
    [
      'sqs, explicitly',
      () => json('sqs', 'AmazonSQS.PurgeQueue', { QueueUrl: `http://127.0.0.1:9919/${ACCOUNT}/jobs` }),
      {
        status: 403,
        headers: { 'x-amzn-query-error': 'AccessDenied;Sender' },
        body: containing('"__type":"com.amazon.coral.service#AccessDeniedException"'),
      },
      `sqs:purgequeue on resource: arn:aws:sqs:eu-central-1:${ACCOUNT}:jobs with an explicit deny in an identity-based policy`,
    ],
    [
      'the query protocol',
      () =>
        signed({
          service: 'sns',
          body: 'Action=Publish&Message=x',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
      { status: 403, body: containing('<ErrorResponse') },
      'sns:Publish on resource: * because no identity-based policy allows the sns:Publish action',
    ],
  ])('of %s is answered as by AWS, and does not reach the backend', async (_, request, expected, message) => {
    backend.answer = (_received, response) => {
      reply(response, 400, '{}');
    };
    const response = await emulated.send(request());
    expect(response).toMatchObject(expected);
    expect(messageIn(response)).toBe(`User: ${CALLER} is not authorized to perform: ${message}`);
    expect(
      backend.received.filter(({ request: { headers } }) => !/Describe/.test(String(headers['x-amz-target']))),
    ).toEqual([]);
  });

  it('leaves its reason in the log and in the events, not in the message', async () => {
    const response = await emulated.send(put('/b-1/in/device-0002/x'));
    const reason =
      's3:PutObject on arn:aws:s3:::b-1/in/device-0002/x: no identity-based policy allows it; closest is statement 1 "Put" of ' +
      'the inline policy upload: Resource wanted "arn:aws:s3:::b-1/in/device-0001/*", was "arn:aws:s3:::b-1/in/device-0002/x"';
    expect(response.headers['x-emulator-detail']).toBe(reason);
    expect(response.body).not.toContain('closest');
    expect(emulated.log.at(-1)).toMatchObject({
      message: 'PutObject refused',
      fields: { detail: reason, caller: CALLER },
    });
    expect(await lastEvent()).toMatchObject({ eventName: 'PutObject', errorCode: 'AccessDenied', errorDetail: reason });
  });

  it('of HEAD has no body', async () => {
    const connection = await RawConnection.open(emulated.port);
    connection.send(bytesOf(signed({ service: 's3', method: 'HEAD', path: '/b-1' })));
    expect(await connection.read(true)).toMatchObject({ status: 403 });
    connection.destroy();
  });

  it('hides whether an object exists from those who may not list the bucket', async () => {
    backend.answer = (_, response) => {
      reply(response, 404, '<Error><Code>NoSuchKey</Code></Error>');
    };
    const hidden = await emulated.send(get('/b-1/k'));
    expect(hidden.status).toBe(403);
    expect(messageIn(hidden)).toContain('s3:ListBucket on resource: "arn:aws:s3:::b-1" because');
    const open = await emulated.send(get('/listable/k'));
    expect(open).toMatchObject({ status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' });
    backend.answer = (_, response) => {
      reply(response, 404, '<Error><Code>NoSuchBucket</Code></Error>');
    };
    expect(await emulated.send(get('/b-1/k'))).toMatchObject({ status: 404 });
  });
});

describe('a body', () => {
  /** Only the head. */
  const waiting = (request: HttpRequest): Buffer => {
    const bytes = bytesOf({ ...request, headers: [...request.headers, ['expect', '100-continue']] });
    return bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4);
  };

  it('is asked for after the permission was found', async () => {
    const connection = await RawConnection.open(emulated.port);
    connection.send(waiting(put('/b-1/in/device-0001/x')));
    expect(await connection.read()).toMatchObject({ status: 100 });
    connection.send('reading');
    expect(await connection.read()).toMatchObject({ status: 200, body: 'done' });
    expect(backend.last?.body).toBe('reading');
    expect(backend.last?.request.headers.expect).toBeUndefined();
    connection.destroy();
  });

  it('is not asked for if the call is denied', async () => {
    const connection = await RawConnection.open(emulated.port);
    connection.send(waiting(put('/b-1/in/device-0002/x')));
    expect(await connection.read()).toMatchObject({ status: 403, headers: { connection: 'close' } });
    connection.destroy();
  });

  it('that is not the signed one never looks complete to the backend', async () => {
    const before = backend.broken;
    const body = 'x'.repeat(1_000_000);
    const request = put('/b-1/in/device-0001/x', body);
    const response = await emulated.send({ ...request, body: `${body.slice(1)}y` });
    expect(response).toMatchObject({
      status: 400,
      body: containing('XAmzContentSHA256Mismatch'),
    });
    expect(backend.received).toEqual([]);
    await expect.poll(() => backend.broken, { timeout: 30_000 }).toBe(before + 1);
  });

  it.each(['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'])('may be %s', async (payloadHash) => {
    const call = { service: 's3', method: 'PUT', path: '/b-1/in/device-0001/x', body: 'anything', payloadHash };
    expect(await emulated.send(signed(call))).toMatchObject({ status: 200 });
    expect(backend.last?.body).toBe('anything');
  });

  it('of a JSON service must be the signed one', async () => {
    const request = json('sqs', 'AmazonSQS.SendMessage', { QueueUrl: 'http://x/111122223333/jobs', MessageBody: 'a' });
    expect(await emulated.send(request)).toMatchObject({ status: 200 });
    const altered = await emulated.send({ ...request, body: request.body.replace('"a"', '"b"') });
    expect(altered).toMatchObject({
      status: 400,
      body: containing('InvalidSignatureException'),
    });
  });

  it('may be too long only for a JSON service', async () => {
    const head = json('sqs', 'AmazonSQS.SendMessage', {});
    const body = 'x'.repeat(25 * 1024 * 1024);
    expect(await emulated.send({ ...head, body })).toMatchObject({ status: 413 });
  });
});

describe('a signature', () => {
  it.each<[string, string, string, number, () => HttpRequest]>([
    [
      'the wrong secret',
      's3',
      'SignatureDoesNotMatch',
      403,
      () => signed({ service: 's3', method: 'GET', path: '/b-1/k' }, { secretAccessKey: 'x' }),
    ],
    [
      'an unknown key',
      's3',
      'InvalidAccessKeyId',
      403,
      () => signed({ service: 's3', method: 'GET', path: '/b-1/k' }, { accessKeyId: 'ASIAX' }),
    ],
    ['another path', 's3', 'SignatureDoesNotMatch', 403, () => ({ ...get('/b-1/k'), path: '/b-1/other' })],
    ['a path that is no percent-encoding', 's3', 'InvalidURI', 400, () => ({ ...get('/b-1/k'), path: '/b-1/%zz' })],
    [
      'the wrong secret',
      'dynamodb',
      'InvalidSignatureException',
      400,
      () =>
        signed(
          { service: 'dynamodb', headers: { 'x-amz-target': 'DynamoDB_20120810.ListTables' } },
          { secretAccessKey: 'x' },
        ),
    ],
    [
      'an unknown key',
      'ssm',
      'UnrecognizedClientException',
      400,
      () => signed({ service: 'ssm', headers: { 'x-amz-target': 'AmazonSSM.GetParameter' } }, { accessKeyId: 'ASIAX' }),
    ],
    [
      'an unknown key',
      'sns',
      'InvalidClientTokenId',
      403,
      () => signed({ service: 'sns', body: 'Action=Publish' }, { accessKeyId: 'ASIAX' }),
    ],
  ])('with %s is refused by %s as %s', async (_, _service, code, status, request) => {
    const response = await emulated.send(request());
    expect(response).toMatchObject({ status, body: expect.stringContaining(code) as string });
    expect(backend.received).toEqual([]);
  });

  it('made too long ago is refused by S3 in its own words', async () => {
    const at = emulated.clock.now() - 1_000_000;
    const late = signed({ service: 's3', method: 'GET', path: '/b-1/k', at });
    expect(await emulated.send(late)).toMatchObject({
      status: 403,
      body: containing('<Code>RequestTimeTooSkewed</Code>'),
    });
    const date = new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
    const scope = `${date.slice(0, 8)}/eu-central-1/s3/aws4_request`;
    const query =
      `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${credentials.accessKeyId}%2F${encodeURIComponent(scope)}` +
      `&X-Amz-Date=${date}&X-Amz-Expires=1&X-Amz-SignedHeaders=host&X-Amz-Signature=${'0'.repeat(64)}`;
    const link = { method: 'GET', path: '/b-1/k', query, headers: [['host', 'x']], body: '' } satisfies HttpRequest;
    const answer = await emulated.send(link);
    expect(answer).toMatchObject({ status: 403, body: containing('<Code>AccessDenied</Code>') });
    expect(answer.body).toContain('<Message>Request has expired</Message>');
  });

  it('of an expired session is refused', async () => {
    await emulated.clock.advance(3_600_000);
    const response = await emulated.send(get('/b-1/k'));
    credentials = credentialsOf(await emulated.createSession());
    expect(response).toMatchObject({
      status: 400,
      body: containing('<Code>ExpiredToken</Code>'),
    });
  });

  it('may be missing: then S3 denies, in general terms', async () => {
    const response = await emulated.send({
      method: 'GET',
      path: '/b-1/k',
      query: '',
      headers: [['host', 'x']],
      body: '',
    });
    expect(response).toMatchObject({
      status: 403,
      body: containing('<Message>Access Denied</Message>'),
    });
  });

  it.each([
    ['a link', { query: 'AWSAccessKeyId=ASIAX&Signature=x&Expires=1' }],
    [
      'a header',
      {
        headers: [
          ['host', 'x'],
          ['authorization', 'AWS ASIAX:x'],
        ] as const,
      },
    ],
  ])('of version 2 is refused by name, in %s', async (_, changes) => {
    const plain = { method: 'GET', path: '/b-1/k', query: '', headers: [['host', 'x']] as const, body: '' };
    const response = await emulated.send({ ...plain, ...changes });
    expect(response).toMatchObject({
      status: 400,
      body: containing('Please use AWS4-HMAC-SHA256'),
    });
  });
});

it('refuses by name what it cannot tell the permission of', async () => {
  const response = await emulated.send(signed({ service: 's3', method: 'GET', path: '/b-1', query: 'metadataTable' }));
  expect(response.status).toBe(501);
  expect(response.headers['x-emulator-detail']).toContain('GET /b-1?metadataTable of s3');
  const cbor = signed({ service: 'codedeploy', path: '/service/CodeDeploy_20141006/operation/ListApplications' });
  expect((await emulated.send(cbor)).status).toBe(501);
});

it('refuses an upload by HTML form by name', async () => {
  const headers = [
    ['host', 'x'],
    ['content-type', 'multipart/form-data; boundary=b'],
  ] as const;
  const body = '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n--b--\r\n';
  const response = await emulated.send({ method: 'POST', path: '/b-1', query: '', headers, body });
  expect(response).toMatchObject({ status: 501, body: containing('<Code>NotImplemented<') });
  expect(response.headers['x-emulator-detail']).toContain('presigned POST');
});

it('still answers STS and its own paths itself', async () => {
  const body = 'Action=GetCallerIdentity&Version=2011-06-15';
  const response = await emulated.send(signed({ service: 'sts', body }));
  expect(response).toMatchObject({ status: 200, body: expect.stringContaining(CALLER) as string });
  expect((await emulated.control('GET', '')).status).toBe(200);
  expect(backend.received).toEqual([]);
});

it('breaks off where the backend breaks off', async () => {
  backend.answer = (_, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('half');
    setImmediate(() => response.destroy());
  };
  await expect(rawExchange(emulated.port, bytesOf(get('/b-1/k')))).rejects.toThrow();
});
