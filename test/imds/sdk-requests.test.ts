import { describe, expect, it } from 'vitest';
import { type HeaderLines, RawConnection, requestBytes } from '../support/raw-http.ts';
import { checkAlways, CREDENTIALS, Endpoint, TOKEN } from './endpoint.ts';

/**
 * The requests of clients that a test cannot simply install, as they were measured or read in their sources: which headers they
 * send, how they spell the paths, and in which order they ask.
 */
interface Client {
  readonly name: string;
  readonly ttl: string;
  /** HOST stands for 127.0.0.1:PORT. */
  readonly host: string;
  readonly headers: HeaderLines;
  readonly putHeaders: HeaderLines;
  readonly tokenHeader: string;
  readonly paths: readonly string[];
  readonly tokenPath: string;
  /** Asks for a token before every GET. */
  readonly tokenEachTime?: boolean;
}

const usual: Client = {
  name: '',
  ttl: '21600',
  host: 'HOST',
  headers: [],
  putHeaders: [],
  tokenHeader: 'x-aws-ec2-metadata-token',
  tokenPath: TOKEN,
  paths: [`${CREDENTIALS}/`, `${CREDENTIALS}/R`],
};

const CLIENTS: readonly Client[] = [
  {
    ...usual,
    name: 'botocore',
    headers: [
      ['Accept-Encoding', 'identity'],
      ['User-Agent', 'Boto3/1.43.107 md/Botocore#1.43.107'],
    ],
    putHeaders: [['Content-Length', '0']],
  },
  {
    ...usual,
    name: 'Go v2',
    ttl: '300',
    headers: [
      ['User-Agent', 'aws-sdk-go-v2/1.40.0 ft/ec2-imds'],
      ['Accept-Encoding', 'gzip'],
    ],
    putHeaders: [['Content-Length', '0']],
    tokenHeader: 'X-Aws-Ec2-Metadata-Token',
  },
  {
    ...usual,
    name: 'JS v3',
    headers: [['Connection', 'keep-alive']],
    putHeaders: [['Content-Length', '0']],
    paths: [...usual.paths, '/latest/meta-data/placement/region'],
  },
  { ...usual, name: 'JS v2', headers: [['Connection', 'close']], putHeaders: [['Content-Length', '0']] },
  {
    ...usual,
    name: 'CRT',
    host: '127.0.0.1',
    headers: [
      ['Accept', '*/*'],
      ['User-Agent', 'aws-sdk-crt/aws-imds-client'],
    ],
  },
  {
    ...usual,
    name: 'C++',
    headers: [
      ['Accept', '*/*'],
      ['User-Agent', 'aws-sdk-cpp/1.11.800'],
    ],
    paths: [CREDENTIALS, `${CREDENTIALS}/R`, '/latest/meta-data/placement/availability-zone'],
  },
  {
    ...usual,
    name: 'Java v2 with a trailing slash in its endpoint',
    headers: [
      ['Accept', '*/*'],
      ['User-Agent', 'aws-sdk-java/2.30.0'],
      ['Connection', 'keep-alive'],
    ],
    paths: [`/${CREDENTIALS}/`, `/${CREDENTIALS}/R`, '//latest/dynamic/instance-identity/document'],
  },
  {
    ...usual,
    name: '.NET with a trailing slash in its endpoint',
    headers: [['User-Agent', 'aws-sdk-dotnet-coreclr/4.0.0']],
    putHeaders: [['Content-Length', '0']],
    tokenPath: `/${TOKEN}`,
    paths: [`/${CREDENTIALS}`, `/${CREDENTIALS}/R`],
    tokenEachTime: true,
  },
  {
    ...usual,
    name: 'minio-js',
    tokenHeader: 'X-aws-ec2-metadata-token',
    paths: [`${CREDENTIALS}/`, `${CREDENTIALS}//R`],
  },
  { ...usual, name: 'object_store', ttl: '600', tokenHeader: 'X-aws-ec2-metadata-token' },
  { ...usual, name: 'GDAL', ttl: '10', headers: [['Accept', '*/*']] },
  {
    ...usual,
    name: 'Rust',
    headers: [['User-Agent', 'aws-sdk-rust/1.3.8 os/linux lang/rust/1.91.0 api/imds']],
    putHeaders: [['Content-Length', '0']],
    paths: [...usual.paths, '/latest/meta-data/placement/region'],
  },
  {
    ...usual,
    name: 'Kotlin',
    headers: [
      ['User-Agent', 'aws-sdk-kotlin/1.5.0'],
      ['Accept-Encoding', 'gzip'],
    ],
    putHeaders: [['Content-Length', '0']],
    paths: [...usual.paths, '/latest/meta-data/placement/region'],
  },
  {
    ...usual,
    name: 'PHP with a trailing slash in its endpoint',
    headers: [['User-Agent', 'aws-sdk-php/3.343.0']],
    putHeaders: [['Content-Length', '0']],
    tokenPath: `/${TOKEN}`,
    paths: [`/${CREDENTIALS}/`, `/${CREDENTIALS}/R`],
  },
  { ...usual, name: 'fluent-bit', tokenHeader: 'X-aws-ec2-metadata-token', headers: [['User-Agent', 'Fluent-Bit']] },
  {
    ...usual,
    name: 'Terraform',
    ttl: '300',
    headers: [['Accept-Encoding', 'gzip']],
    paths: [...usual.paths, '/latest/meta-data/iam/info', '/latest/dynamic/instance-identity/document'],
  },
];

describe('request shapes of the SDKs', () => {
  it.each(CLIENTS)('serves $name', async (client) => {
    const endpoint = await Endpoint.open({ region: 'us-east-1' });
    const ask = (method: string, path: string, headers: HeaderLines): Promise<string> =>
      bodyOf(endpoint.port, requestBytes(method, path, [['Host', hostOf(client, endpoint)], ...headers]));
    const takeToken = (): Promise<string> =>
      ask('PUT', client.tokenPath, [
        ...client.headers,
        ...client.putHeaders,
        [`${client.tokenHeader}-ttl-seconds`, client.ttl],
      ]);
    let token = await takeToken();
    const bodies: string[] = [];
    for (const path of client.paths) {
      bodies.push(await ask('GET', path, [...client.headers, [client.tokenHeader, token]]));
      if (client.tokenEachTime) token = await takeToken();
    }
    expect(bodies[0]).toBe('R');
    expect(JSON.parse(bodies[1] ?? '')).toMatchObject({ Code: 'Success', Token: 'the-session-token/1' });
  });

  it('answers the probe of fluent-bit so that it uses IMDSv2', async () => {
    const endpoint = await Endpoint.open();
    expect((await endpoint.request('GET', '/', [['X-aws-ec2-metadata-token', 'INVALID']])).status).toBe(401);
  });

  it('rejects the fallback to IMDSv1', async () => {
    const endpoint = await Endpoint.open();
    for (const path of usual.paths) expect((await endpoint.request('GET', path)).status).toBe(401);
  });
});

function hostOf(client: Client, endpoint: Endpoint): string {
  return client.host.replace('HOST', endpoint.host);
}

async function bodyOf(port: number, bytes: string): Promise<string> {
  const connection = await RawConnection.open(port);
  connection.send(bytes);
  const response = await connection.read();
  connection.destroy();
  checkAlways(response);
  expect(response.status).toBe(200);
  return response.body;
}
