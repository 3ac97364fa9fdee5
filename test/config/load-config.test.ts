import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigInvalid } from '../../src/config/config-errors.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { CodedError } from '../../src/foundation/errors.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'config-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function load(text: string | Buffer) {
  const file = path.join(directory, 'config.yaml');
  await writeFile(file, text);
  return loadConfig(file);
}

async function problemsOf(text: string): Promise<string[]> {
  const error: unknown = await load(text).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigInvalid)) throw new Error(`not refused as invalid: ${String(error)}`);
  return error.problems.map(({ key, place, error: problem }) => `${place ?? '-'} ${key} ${problem.code}`);
}

const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555';
const PROFILE = 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/11111111-2222-3333-4444-555555555555';
const ROLE = 'arn:aws:iam::123456789012:role/path/Uploader';

const MINIMAL = `
identity: { certificate: device.pem }
rolesAnywhere: { trustAnchorArn: ${ANCHOR}, profileArn: ${PROFILE} }
roles:
  - roleArn: ${ROLE}
`;

describe('a configuration file', () => {
  test('accepts the example', async () => {
    const config = await loadConfig('config.example.yaml');
    expect(config.roles.map(({ name, imds }) => [name, imds?.port])).toEqual([
      ['uploader', 9911],
      ['reader', 9912],
    ]);
  });

  test('adds the defaults to a minimal one', async () => {
    expect(await load(MINIMAL)).toEqual({
      identity: { certificate: path.join(directory, 'device.pem'), allowReadableKey: false },
      rolesAnywhere: { fips: false, dualStack: false },
      roles: [
        {
          name: 'Uploader',
          roleArn: ROLE,
          profileArn: PROFILE,
          trustAnchorArn: ANCHOR,
          sessionDuration: 3600,
          imds: { host: '127.0.0.1', port: 9911, allowedHosts: [] },
        },
      ],
      log: { level: 'info' },
    });
  });

  test('is deeply frozen', async () => {
    const config = await load(MINIMAL);
    expect(Object.isFrozen(config.roles[0]?.imds?.allowedHosts)).toBe(true);
  });

  test.each([
    ['file: pass.txt', { from: 'file', name: 'pass.txt' }],
    ['credential: pass', { from: 'credential', name: 'pass' }],
    ['environment: PASS', { from: 'environment', name: 'PASS' }],
  ])('accepts a passphrase from %s', async (written, { from, name }) => {
    const config = await load(MINIMAL.replace('device.pem }', `device.pem, passphrase: { ${written} } }`));
    expect(JSON.stringify(config.identity.passphrase)).toContain(name);
    expect(config.identity.passphrase?.from).toBe(from);
  });

  test.each([
    ['stateDirectory: state', { directory: 'state' }],
    [
      'stateDirectory: /var/lib/x\nstateKey: { credential: k }',
      { directory: '/var/lib/x', key: { from: 'credential', name: 'k' } },
    ],
    ['stateDirectory: /s\nstateKey: tpm', { directory: '/s', key: { from: 'tpm' } }],
    [
      'stateDirectory: /s\nstateKey: { environment: K }',
      { directory: '/s', key: { from: 'environment', variable: 'K' } },
    ],
  ])('accepts the state settings %j', async (written, { directory: kept, ...rest }) => {
    const config = await load(`${MINIMAL}${written}\n`);
    expect(config.state).toEqual({ directory: path.resolve(directory, kept), ...rest });
  });

  test('rejects a state key without a state directory, content in place of a path and an invalid variable name', async () => {
    expect(await problemsOf(`${MINIMAL}stateKey: { file: key }\n`)).toEqual(['6:1 stateKey CONFIG_WRONG_VALUE']);
    const text = MINIMAL.replace('device.pem', '"-----BEGIN PRIVATE KEY-----"');
    expect(await problemsOf(`${text}stateDirectory: s\nstateKey: { environment: "not a name" }\n`)).toEqual([
      '2:13 identity.certificate CONFIG_WRONG_VALUE',
      '7:13 stateKey.environment CONFIG_WRONG_VALUE',
    ]);
  });

  test('an address has its short form, which clients compare with NO_PROXY', async () => {
    const { admin, roles } = await load(
      `${MINIMAL}    imds: { listen: '[::0001]:9911' }\nadmin: { listen: '[0:0:0:0:0:0:0:1]:9910' }\n`,
    );
    expect([admin?.listen?.host, roles[0]?.imds?.host]).toEqual(['::1', '::1']);
  });

  test('accepts an admin listener with an address, a socket or both', async () => {
    const { admin } = await load(`${MINIMAL}admin: { listen: 127.0.0.1:9910, socket: admin.sock }\n`);
    const listen = { host: '127.0.0.1', port: 9910 };
    expect(admin).toEqual({ listen, socket: path.join(directory, 'admin.sock'), allowedHosts: [] });
    expect(await problemsOf(`${MINIMAL}admin: {}\n`)).toEqual(['6:1 admin CONFIG_MISSING_KEY']);
    const open = `${MINIMAL}admin: { listen: 0.0.0.0:9910 }\n`;
    expect(await problemsOf(open)).toEqual(['6:10 admin.listen CONFIG_NOT_LOOPBACK']);
    expect((await load(open.replace('9910 }', '9910, allowNonLoopback: true }'))).admin?.listen?.host).toBe('0.0.0.0');
  });

  test('accepts an audit log in a file or on standard error', async () => {
    const { audit } = await load(`${MINIMAL}audit: { file: audit.jsonl }\n`);
    expect(audit).toEqual({ to: 'file', path: path.join(directory, 'audit.jsonl') });
    expect((await load(`${MINIMAL}audit: stderr\n`)).audit).toEqual({ to: 'stderr' });
    expect(await problemsOf(`${MINIMAL}audit: stdout\n`)).toEqual(['6:1 audit CONFIG_WRONG_VALUE']);
  });

  test('accepts a role that is not required', async () => {
    const config = await load(`${MINIMAL}    required: false\n`);
    expect(config.roles[0]?.required).toBe(false);
  });

  test('accepts a role without an IMDS endpoint, and the container endpoint', async () => {
    const container = 'container: { tokens: [{ client: app, roles: [Uploader], file: app.token, owner: 7 }] }';
    const { roles, container: endpoint } = await load(`${MINIMAL}    imds: false\n${container}\n`);
    expect(roles[0]).not.toHaveProperty('imds');
    expect(endpoint).toEqual({
      host: '127.0.0.1',
      port: 9913,
      allowedHosts: [],
      tokens: [{ client: 'app', roles: ['Uploader'], file: path.join(directory, 'app.token'), owner: 7 }],
    });
  });

  test('accepts users and groups of a role', async () => {
    const { roles } = await load(`${MINIMAL}    allow: { users: [app, 1001] }\n`);
    expect(roles[0]?.allow).toEqual({ users: ['app', 1001], groups: [] });
    for (const wrong of ['{}', '{ users: [] }', '{ users: app }', '{ groups: [1.5] }'])
      expect((await problemsOf(`${MINIMAL}    allow: ${wrong}\n`)).join()).toContain('CONFIG_WRONG_VALUE');
  });

  test('accepts a socket for a role without an IMDS endpoint, with a default path', async () => {
    const usual = await load(`${MINIMAL}    imds: false\nsocket: {}\n`);
    expect(usual.socket).toEqual({ path: '/run/imds-anywhere/imds-anywhere.sock' });
    expect((await load(`${MINIMAL}socket: { path: s }\n`)).socket).toEqual({ path: path.join(directory, 's') });
  });

  test.each(['169.254.170.2:80', '169.254.170.23:80', '[fd00:ec2::23]:80', '127.0.0.2:80'])(
    'accepts the container endpoint on %s',
    async (listen) => {
      const container = `container: { listen: '${listen}', tokens: [{ client: a, roles: [Uploader], file: a }] }`;
      expect((await load(`${MINIMAL}${container}\n`)).container).toMatchObject({ port: 80 });
    },
  );

  test('reports every mistake in the container endpoint', async () => {
    const container = (listen: string): string =>
      `container: { listen: '${listen}', tokens: [{ client: a, roles: [Nobody], file: a }, { client: a, roles: [Uploader], file: a }] }\n`;
    const common = [
      'container.tokens[1].client CONFIG_DUPLICATE_NAME',
      'container.tokens[1].file CONFIG_DUPLICATE_NAME',
      'container.tokens[0].roles[0] CONFIG_UNKNOWN_ROLE',
    ];
    const found = async (text: string): Promise<string[]> =>
      (await problemsOf(text)).map((problem) => problem.split(' ').slice(1).join(' '));
    expect(await found(`${MINIMAL}${container('0.0.0.0:80')}`)).toEqual([
      'container.listen CONFIG_NOT_LOOPBACK',
      ...common,
    ]);
    expect(await found(`${MINIMAL}${container('127.0.0.1:9911')}`)).toEqual([
      'container.listen CONFIG_DUPLICATE_ADDRESS',
      ...common,
    ]);
    expect(await found(`${MINIMAL}    imds: false\n`)).toEqual(['roles[0].imds CONFIG_ROLE_NOT_SERVED']);
    expect(
      await found(`${MINIMAL}container: { tokens: [{ client: 'a b', roles: [], file: x, owner: -1 }] }\n`),
    ).toEqual([
      'container.tokens[0].client CONFIG_WRONG_VALUE',
      'container.tokens[0].roles CONFIG_WRONG_VALUE',
      'container.tokens[0].owner CONFIG_WRONG_VALUE',
    ]);
  });

  test('a daemon for pods has no IMDS endpoint without a configuration for it', async () => {
    const pods = (imds = '', account = 'Uploader'): string =>
      `${MINIMAL}${imds}container: { kubernetes: { issuer: 'https://a', roles: [{ namespace: a, serviceAccount: b, role: ${account} }] } }\n`;
    const portOf = async (text: string): Promise<unknown> => (await load(text)).roles[0]?.imds?.port;
    expect(await portOf(pods())).toBeUndefined();
    expect(await portOf(pods('    imds: {}\n'))).toBe(9911);
    expect(await portOf(pods('    imds: { region: eu-central-1 }\n'))).toBe(9911);
    // A role that no account has would be one for every process of the node.
    const another = pods().replace('container:', '  - roleArn: arn:aws:iam::123456789012:role/Other\ncontainer:');
    expect((await problemsOf(another)).join()).toMatch(/roles\[1\].imds CONFIG_ROLE_NOT_SERVED$/);
  });

  test('pods, with what they have where nothing else is written', async () => {
    const kubernetes = (more = ''): string =>
      `${MINIMAL}container: { kubernetes: { issuer: 'https://a', ${more}roles: [{ namespace: 'a-*', serviceAccount: b.c, role: Uploader }] } }\n`;
    expect((await load(kubernetes())).container?.kubernetes).toEqual({
      listen: [
        { host: '169.254.170.23', port: 9913 },
        { host: 'fd00:ec2::23', port: 9913 },
      ],
      issuer: ['https://a'],
      audience: 'imds-anywhere',
      jwks: { from: 'in-cluster' },
      node: { environment: 'NODE_NAME' },
      sessionTags: false,
      roles: [{ namespace: 'a-*', serviceAccount: 'b.c', role: 'Uploader' }],
    });
    const jwks = async (written: string): Promise<unknown> =>
      (await load(kubernetes(`jwks: ${written}, `))).container?.kubernetes?.jwks;
    expect(await jwks('{ file: k.json }')).toEqual({ from: 'file', path: path.join(directory, 'k.json') });
    expect(await jwks('{ url: https://a/k, caBundle: ca.pem, tokenFile: t }')).toEqual({
      from: 'url',
      url: 'https://a/k',
      caBundle: path.join(directory, 'ca.pem'),
      tokenFile: path.join(directory, 't'),
    });
    for (const url of ['http://127.0.0.1:8001/k', 'http://[::1]/k'])
      expect(await jwks(`{ url: '${url}' }`)).toEqual({ from: 'url', url });
    for (const [wrong, code] of [
      ['jwks: { url: http://a/k }, ', 'container.kubernetes.jwks.url CONFIG_WRONG_VALUE'],
      ['jwks: { url: "http://127.0.0.1@a/k" }, ', 'container.kubernetes.jwks.url CONFIG_WRONG_VALUE'],
      ['jwks: {}, ', 'container.kubernetes.jwks CONFIG_WRONG_VALUE'],
      ['node: all, ', 'container.kubernetes.node CONFIG_WRONG_VALUE'],
      ['listen: ["0.0.0.0:9913"], ', 'container.kubernetes.listen[0] CONFIG_NOT_LOOPBACK'],
      ['listen: ["127.0.0.1:1", "127.0.0.1:1"], ', 'container.kubernetes.listen[1] CONFIG_DUPLICATE_ADDRESS'],
      ['audience: https://a, ', 'container.kubernetes.audience CONFIG_WRONG_VALUE'],
      ['audience: https://kubernetes.default.svc, ', 'container.kubernetes.audience CONFIG_WRONG_VALUE'],
    ] as const)
      expect((await problemsOf(kubernetes(wrong))).map((problem) => problem.replace(/^\S+ /, ''))).toEqual([code]);
    const account = async (written: string): Promise<string> =>
      (await problemsOf(kubernetes().replace(/\{ namespace.*?\}/, written))).join();
    for (const wrong of ["'*a'", 'A', "'a*b'", "''"])
      expect(await account(`{ namespace: ${wrong}, serviceAccount: b, role: Uploader }`)).toContain(
        'CONFIG_WRONG_VALUE',
      );
    expect(await account('{ namespace: a, serviceAccount: b, role: Nobody }')).toContain('CONFIG_UNKNOWN_ROLE');
    expect((await problemsOf(`${MINIMAL}container: {}\n`)).join()).toContain('container.tokens CONFIG_MISSING_KEY');
  });

  test('tags of service accounts, for second roles of one account each', async () => {
    const pods = (
      accounts: string,
      assume = '    assume: { tags: { team: a, kubernetes-namespace: own } }\n',
    ): string =>
      `${MINIMAL}    name: one\n    imds: false\n${assume}container: { kubernetes: { issuer: 'https://a', sessionTags: true, roles: [${accounts}] } }\n`;
    const uploader = '{ namespace: shop, serviceAccount: uploader, role: one }';
    const tagged = (await load(pods(uploader))).roles[0]?.assume?.tags;
    expect(tagged).toEqual({ 'kubernetes-namespace': 'own', 'kubernetes-service-account': 'uploader', team: 'a' });
    const untagged = (await load(pods(uploader).replace('sessionTags: true, ', ''))).roles[0]?.assume?.tags;
    expect(untagged).toEqual({ team: 'a', 'kubernetes-namespace': 'own' });
    const problems = async (...given: Parameters<typeof pods>): Promise<string> =>
      (await problemsOf(pods(...given))).map((problem) => problem.replace(/^\S+ /, '')).join();
    const wrong = 'container.kubernetes.roles[0] CONFIG_WRONG_VALUE';
    expect(await problems(uploader, '')).toBe(wrong);
    expect(await problems("{ namespace: 'shop-*', serviceAccount: uploader, role: one }")).toBe(wrong);
    expect(await problems(`${uploader}, { namespace: a, serviceAccount: b, role: one }`)).toBe(
      wrong.replace('[0]', '[1]'),
    );
    // A pod's own session gets its tags from the token.
    const ofPods = (...given: Parameters<typeof pods>): string =>
      pods(...given).replace('sessionTags: true', 'sessionTags: pod');
    const several = `${uploader}, { namespace: 'shop-*', serviceAccount: b, role: one }`;
    expect((await load(ofPods(several))).roles[0]?.assume?.tags).toEqual({ team: 'a', 'kubernetes-namespace': 'own' });
    expect((await problemsOf(ofPods(several, ''))).join()).toContain(wrong);
    expect((await problemsOf(ofPods(several).replace(': pod', ': node'))).join()).toContain('sessionTags CONFIG_WRONG');
  });

  test('reports all problems of form at once, with their places', async () => {
    const text = `identity:
  certificate: 7
  private_key: device.key
roles:
  - role_arn: x
    sessionDuration: 60
    imds: { listen: 'localhost' }
logs: {}
`;
    expect(await problemsOf(text)).toEqual([
      '2:3 identity.certificate CONFIG_WRONG_VALUE',
      '3:3 identity.private_key CONFIG_UNKNOWN_KEY',
      '6:5 roles[0].sessionDuration CONFIG_WRONG_VALUE',
      '7:13 roles[0].imds.listen CONFIG_WRONG_VALUE',
      '5:5 roles[0].role_arn CONFIG_UNKNOWN_KEY',
      '8:1 logs CONFIG_UNKNOWN_KEY',
    ]);
  });

  test('reports all problems of meaning at once', async () => {
    const text = `identity: { certificate: device.pem }
rolesAnywhere: { trustAnchorArn: ${ANCHOR}, endpoint: 'http://example.com' }
roles:
  - roleArn: ${ROLE}
    profileArn: ${PROFILE}
    imds: { listen: '0.0.0.0:9911', region: eu-central-1, availabilityZone: eu-west-1a }
  - roleArn: ${ROLE}
    profileArn: ${PROFILE.replace('eu-central-1', 'eu-west-1')}
    imds: { listen: '0.0.0.0:9911', allowNonLoopback: true }
  - roleArn: ${ROLE.replace('1234', '9999')}
    name: third
`;
    expect((await problemsOf(text)).map((problem) => problem.split(' ').slice(1).join(' '))).toEqual([
      'roles[2].profileArn CONFIG_MISSING_KEY',
      'roles[1].profileArn ARN_REGIONS_DIFFER',
      'roles[2].roleArn ARN_ACCOUNTS_DIFFER',
      'roles[0].imds.availabilityZone CONFIG_WRONG_VALUE',
      'rolesAnywhere.endpoint ENDPOINT_INSECURE',
      'roles[0].imds.listen CONFIG_NOT_LOOPBACK',
      'roles[1].imds.listen CONFIG_DUPLICATE_ADDRESS',
      'roles[2].imds.listen CONFIG_DUPLICATE_ADDRESS',
      'roles[1].name CONFIG_DUPLICATE_NAME',
    ]);
  });

  test.each([
    ['', 'CONFIG_INVALID'],
    ['[]', 'CONFIG_INVALID'],
    ['a: [', 'CONFIG_NOT_YAML'],
    // Without a bound of ours, 6 kB of them end the process.
    ['['.repeat(6_000), 'CONFIG_NOT_YAML'],
    ['# x\n'.repeat(20_000), 'CONFIG_NOT_YAML'],
    ['a: 1\na: 2', 'CONFIG_NOT_YAML'],
    ['&a [*a]', 'CONFIG_INVALID'],
  ])('rejects %j with a code', async (text, code) => {
    await expect(load(text)).rejects.toMatchObject({ code });
  });

  test.each([
    ['UTF-16', 'utf16le' as const],
    ['Latin-1', 'latin1' as const],
  ])('rejects %s, whose names would become other names', async (title, encoding) => {
    await expect(load(Buffer.from(`${MINIMAL}# für den Zähler\n`, encoding))).rejects.toMatchObject({
      code: 'CONFIG_NOT_YAML',
      message: expect.stringMatching(`is not in UTF-8: for ${title}, `) as string,
    });
  });

  test('reports a missing file', async () => {
    const error: unknown = await loadConfig(path.join(directory, 'none.yaml')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CodedError);
    expect(error).toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });

  test('rejects a bomb of aliases', async () => {
    const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(',')}]`);
    await expect(load(['l0: &l0 x', ...levels].join('\n'))).rejects.toBeInstanceOf(CodedError);
  });
});
