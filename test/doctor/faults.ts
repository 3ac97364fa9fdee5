import { chmod, mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { ACCOUNT_FAULTS } from './account-faults.ts';
import type { Scene } from './scene.ts';
import { arnOf, PROFILE, REVOKED, roleArnOf } from './site.ts';
import type { Upstreams } from './upstreams.ts';

/** A fault that doctor must find: planted alone, and together with each other one. */
export interface SeededFault {
  /** For the table of docs/doctor.md. */
  readonly what: string;
  readonly step: string;
  readonly code: string;
  readonly seed: (scene: Scene) => void | Promise<void>;
}

type Seed = SeededFault['seed'];

const at =
  (step: string) =>
  (code: string, what: string, seed: Seed): SeededFault => ({ step, code, what, seed });

const configuration = at('configuration');
const files = at('files');
const identity = at('identity');
const way = at('way');
const name = at('name');
const connection = at('connection');
const clock = at('clock');
const session = at('session');
const chain = at('chain');
const endpoints = at('endpoints');
const caller = at('caller');
const renewal = at('renewal');

/** The IMDS endpoint of the role is at another address. */
const servedAt =
  (address: (site: Scene['site']) => string): Seed =>
  (scene) => {
    scene.config.roles[0]['imds'] = { listen: address(scene.site) };
  };

const hostOf = (url: string): string => new URL(url).host;

const containerWith = (scene: Scene, file: string): NonNullable<Scene['config']['container']> => ({
  listen: scene.site.daemon.container,
  tokens: [{ client: 'app', roles: ['device'], file }],
});

/** The service is at another server. */
const served =
  (by: Exclude<keyof Upstreams, 'close'>): Seed =>
  async (scene) => {
    scene.config.rolesAnywhere['endpoint'] = scene.site.upstreams[by];
    scene.config.rolesAnywhere['caBundle'] = await scene.write('tls-ca.pem', scene.site.authority.certificatePem);
  };

/** The service is at its public name, to which a proxy leads. */
const behindProxy =
  (url: (scene: Scene) => string): Seed =>
  (scene) => {
    delete scene.config.rolesAnywhere['endpoint'];
    scene.environment['HTTPS_PROXY'] = url(scene);
  };

const withRole =
  (role: Record<string, unknown>): Seed =>
  (scene) => {
    Object.assign(scene.config.roles[0], role);
  };

const assuming =
  (assume: Record<string, unknown>): Seed =>
  (scene) => {
    scene.config.roles[0]['assume'] = { endpoint: scene.site.url, ...assume };
  };

/** The user `nobody` can read everything, and writes only what this adds. */
const writtenByNobody =
  (add: Seed): Seed =>
  async (scene) => {
    scene.flags.push('--user', 'nobody');
    scene.config.identity['allowReadableKey'] = true;
    delete scene.config.socket;
    delete scene.config.container;
    await chmod(scene.site.workshop.directory, 0o711);
    await chmod(scene.directory, 0o755);
    await add(scene);
    scene.finally(async () => {
      const entries = await readdir(scene.directory, { withFileTypes: true });
      for (const entry of entries) if (entry.isFile()) await chmod(scene.file(entry.name), 0o644);
    });
  };

/** A label of 64 characters cannot be in DNS. */
const NO_NAME = `${'x'.repeat(64)}.example`;

const DAY_MS = 86_400_000;
const seconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** In the order of the path. */
export const FAULTS: readonly SeededFault[] = [
  configuration('CONFIG_UNREADABLE', 'the configuration file is not there', (scene) => {
    scene.finally(() => unlink(scene.file('config.yaml')));
  }),
  configuration('CONFIG_NOT_YAML', 'a bracket of the YAML is not closed', (scene) => {
    scene.text = 'identity: [\n';
  }),
  configuration('FILE_WRITABLE_BY_OTHERS', 'every user can change the configuration', (scene) => {
    scene.finally(() => chmod(scene.file('config.yaml'), 0o666));
  }),
  configuration('CONFIG_UNKNOWN_KEY', 'a key is misspelled', (scene) => {
    scene.config.identity['privatekey'] = scene.config.identity['privateKey'];
  }),
  configuration('CONFIG_WRONG_VALUE', 'a session of a minute is asked for', (scene) => {
    scene.config.roles[0]['sessionDuration'] = 60;
  }),
  configuration('ARN_MALFORMED', 'an ARN was cut off', (scene) => {
    scene.config.roles[0]['roleArn'] = 'arn:aws:iam::1111';
  }),
  configuration('ARN_WRONG_KIND', 'profile and trust anchor are swapped', (scene) => {
    scene.config.rolesAnywhere['profileArn'] = scene.config.rolesAnywhere['trustAnchorArn'];
  }),
  configuration('ARN_ACCOUNTS_DIFFER', 'the role is in another account', (scene) => {
    scene.config.roles[0]['roleArn'] = 'arn:aws:iam::444455556666:role/device';
  }),
  configuration('ENDPOINT_INSECURE', 'the endpoint of the service is plain http elsewhere', (scene) => {
    scene.config.rolesAnywhere['endpoint'] = 'http://rolesanywhere.example.com';
  }),

  files('FILE_WRITABLE_BY_OTHERS', 'every user can change the CA bundle for TLS', async (scene) => {
    scene.config.rolesAnywhere['caBundle'] = await scene.write(
      'tls-ca.pem',
      scene.site.authority.certificatePem,
      0o666,
    );
  }),
  files('STS_POLICY_UNREADABLE', 'the file of the session policy is not there', (scene) => {
    scene.config.roles[0]['assume'] = { policy: { file: scene.file('absent.json') } };
  }),
  files('FILE_MISSING', 'the file with the keys of the cluster is not there', (scene) => {
    const roles = [{ namespace: 'shop', serviceAccount: 'app', role: 'device' }];
    const jwks = { file: scene.file('absent.json') };
    const kubernetes = { issuer: 'https://cluster.example', node: 'any', jwks, roles };
    scene.config.container = {
      ...containerWith(scene, scene.site.daemon.tokenFile),
      listen: '127.0.0.1:9',
      kubernetes,
    };
  }),
  files('SERVICE_CANNOT_READ', 'the user of the daemon cannot read the key (`--user nobody`)', (scene) => {
    scene.flags.push('--user', 'nobody');
  }),
  files(
    'SERVICE_CANNOT_WRITE',
    'the state directory belongs to another user',
    writtenByNobody(async (scene) => {
      scene.config['stateDirectory'] = scene.file('state');
      await mkdir(scene.file('state'), 0o755);
    }),
  ),
  files(
    'SERVICE_CANNOT_WRITE',
    'the audit file is from a start as another user',
    writtenByNobody(async (scene) => {
      scene.config['audit'] = { file: await scene.write('audit.jsonl', '') };
    }),
  ),
  files(
    'SERVICE_CANNOT_WRITE',
    'the user of the daemon cannot write container tokens',
    writtenByNobody((scene) => {
      scene.config.container = containerWith(scene, scene.file('app.token'));
    }),
  ),
  files(
    'SERVICE_CANNOT_WRITE',
    'the user of the daemon cannot make the directory of the socket',
    writtenByNobody((scene) => {
      scene.config.socket = { path: scene.file('run/daemon.sock') };
    }),
  ),
  files(
    'SERVICE_CANNOT_WRITE',
    'the user of the daemon cannot replace the certificate (`identity.renew`)',
    writtenByNobody((scene) => {
      scene.config.identity['renew'] = { command: ['/bin/true'] };
    }),
  ),

  identity('FILE_MISSING', 'the key file is not there', (scene) => {
    scene.finally(() => rm(scene.file('device.key')));
  }),
  identity('KEY_FILE_EXPOSED', 'every user can read the key', (scene) => {
    scene.finally(() => chmod(scene.file('device.key'), 0o644));
  }),
  identity('KEY_CERTIFICATE_MISMATCH', 'the key is that of another certificate', async (scene) => {
    await scene.write('device.key', (await scene.site.authority.issue()).keyPem);
  }),
  identity('NO_CERTIFICATE', 'the certificate file has only the key', async (scene) => {
    await scene.write('device.pem', (await scene.site.authority.issue()).keyPem);
  }),
  identity('PEM_BLOCK_UNFINISHED', 'the certificate file is truncated', async (scene) => {
    await scene.write('device.pem', (await scene.site.authority.issue()).certificatePem.slice(0, 300));
  }),
  identity('CERTIFICATE_EXPIRED', 'the certificate has expired', (scene) =>
    scene.issue({ notAfter: seconds(Date.now() - DAY_MS) }),
  ),
  identity('CERTIFICATE_NOT_YET_VALID', 'the certificate is not valid yet', (scene) =>
    scene.issue({ notBefore: seconds(Date.now() + DAY_MS) }),
  ),
  identity('CERTIFICATE_IS_CA', 'the certificate is that of a CA', (scene) => scene.issue({ ca: true })),
  identity('CERTIFICATE_KEY_USAGE', 'the certificate is not for signatures', (scene) =>
    scene.issue({ keyUsage: ['keyEncipherment'] }),
  ),
  identity('CERTIFICATE_WEAK_SIGNATURE', 'the certificate is signed with SHA-1', (scene) =>
    scene.issue({ hash: 'SHA-1' }),
  ),
  identity('CERTIFICATE_EMPTY_SUBJECT', 'the certificate has no subject', (scene) => scene.issue({ subject: '' })),
  identity('TRUST_ANCHOR_UNREACHABLE', 'another CA issued the certificate', async (scene) => {
    await scene.issue({}, scene.site.stranger);
    await scene.write('root-ca.pem', scene.site.authority.certificatePem);
  }),
  identity('PASSPHRASE_MISSING', 'the key is encrypted, and no passphrase is configured', async (scene) => {
    const { privateKey, certificatePem } = await scene.site.authority.issue();
    const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'correct horse' } as const;
    await scene.write('device.pem', certificatePem);
    await scene.write('device.key', privateKey.export(cipher).toString());
  }),
  identity('PASSPHRASE_WRONG', 'the passphrase of the key is wrong', async (scene) => {
    const { privateKey, certificatePem } = await scene.site.authority.issue();
    const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'correct horse' } as const;
    await scene.write('device.pem', certificatePem);
    await scene.write('device.key', privateKey.export(cipher).toString());
    scene.config.identity['passphrase'] = { file: await scene.write('passphrase', 'battery staple') };
  }),

  way(
    'PROXY_MALFORMED',
    'HTTPS_PROXY is no URL',
    behindProxy(() => 'http://:3128'),
  ),
  way(
    'PROXY_SOCKS_UNSUPPORTED',
    'HTTPS_PROXY is a SOCKS proxy',
    behindProxy(() => 'socks5://127.0.0.1:1080'),
  ),
  way('CA_BUNDLE_UNREADABLE', 'the CA bundle for TLS is not there', (scene) => {
    scene.config.rolesAnywhere['endpoint'] = scene.site.upstreams.otherName;
    scene.config.rolesAnywhere['caBundle'] = scene.file('absent.pem');
  }),
  way('CA_BUNDLE_EMPTY', 'the CA bundle for TLS has no certificate', async (scene) => {
    scene.config.rolesAnywhere['endpoint'] = scene.site.upstreams.otherName;
    scene.config.rolesAnywhere['caBundle'] = await scene.write('empty.pem', '# none');
  }),

  name('RA_NAME_UNRESOLVED', 'the name of the endpoint does not exist', (scene) => {
    scene.config.rolesAnywhere['endpoint'] = `https://${NO_NAME}`;
    delete scene.environment['HTTPS_PROXY'];
  }),
  name(
    'RA_NAME_UNRESOLVED',
    'the name of the proxy does not exist',
    behindProxy(() => `http://${NO_NAME}:3128`),
  ),

  connection('RA_CONNECTION_REFUSED', 'nothing listens at the endpoint', (scene) => {
    scene.config.rolesAnywhere['endpoint'] = 'http://127.0.0.1:1';
  }),
  connection(
    'RA_CONNECTION_REFUSED',
    'nothing listens at the proxy',
    behindProxy(() => 'http://127.0.0.1:1'),
  ),
  connection(
    'RA_PROXY_REFUSED',
    'the proxy wants a password',
    behindProxy(({ site }) => site.upstreams.proxy),
  ),
  connection('RA_TLS_UNTRUSTED', 'a proxy that inspects TLS answers', served('untrusted')),
  connection('RA_TLS_WRONG_NAME', 'the TLS certificate is for another name', served('otherName')),
  connection('RA_TLS_DATES', 'the TLS certificate has expired', served('expired')),
  connection('RA_TLS_FAILED', 'the endpoint speaks no TLS', served('plain')),
  connection('RA_NOT_HTTP', 'the endpoint speaks no HTTP', served('noHttp')),
  connection('RA_CONNECTION_LOST', 'the endpoint closes every connection', served('closing')),

  clock('RA_CLOCK_OFF', 'the clock is an hour behind', served('ahead')),

  ...ACCOUNT_FAULTS,

  session('RA_TRUST_ANCHOR_NOT_FOUND', 'there is no such trust anchor', (scene) => {
    scene.config.rolesAnywhere['trustAnchorArn'] = arnOf('trust-anchor', 9);
  }),
  session('RA_REFUSED', 'the trust anchor is disabled', (scene) => {
    scene.config.rolesAnywhere['trustAnchorArn'] = arnOf('trust-anchor', 2);
  }),
  session('RA_PROFILE_INVALID', 'there is no such profile', (scene) => {
    scene.config.rolesAnywhere['profileArn'] = arnOf('profile', PROFILE.absent);
  }),
  session('RA_REFUSED', 'the profile is disabled', (scene) => {
    scene.config.rolesAnywhere['profileArn'] = arnOf('profile', PROFILE.disabled);
  }),
  session('RA_ROLE_NOT_ON_PROFILE', 'the profile does not list the role', withRole({ roleArn: roleArnOf('second') })),
  session('RA_CANNOT_ASSUME_ROLE', 'the role does not exist', withRole({ roleArn: roleArnOf('absent') })),
  session('RA_CANNOT_ASSUME_ROLE', 'its trust policy lacks TagSession', withRole({ roleArn: roleArnOf('untagged') })),
  session('RA_CANNOT_ASSUME_ROLE', 'its condition wants another OU', withRole({ roleArn: roleArnOf('sensors') })),
  session(
    'RA_SESSION_NAME_REFUSED',
    'the profile accepts no session name',
    withRole({ roleSessionName: 'thermometer' }),
  ),
  session('RA_CERTIFICATE_REVOKED', 'the certificate is revoked', (scene) => scene.issue({ serial: REVOKED })),
  session('RA_ATTRIBUTES_NOT_MAPPED', 'the certificate is for *.example.com', (scene) =>
    scene.issue({ alternativeNames: [{ type: 'dns', value: '*.example.com' }] }),
  ),
  session(
    'RA_UNTRUSTED_SIGNING_CERTIFICATE',
    'the bundle of the trust anchor is that of another one',
    async (scene) => {
      await scene.issue({}, scene.site.stranger);
      await scene.write('root-ca.pem', scene.site.stranger.certificatePem);
    },
  ),
  session('RA_THROTTLED', 'the account makes too many calls', served('throttling')),
  session('RA_UNAVAILABLE', 'the service is down', served('failing')),
  session('RA_REDIRECTED', 'a captive portal redirects', served('redirecting')),
  session('RA_ANSWER_NOT_JSON', 'a captive portal answers', served('portal')),
  session('RA_REFUSED', 'the policy of the VPC endpoint denies', served('refusing')),

  chain(
    'STS_ASSUME_ROLE_DENIED',
    'the second role does not trust the first',
    assuming({ roleArn: roleArnOf('closed') }),
  ),
  chain(
    'STS_SOURCE_IDENTITY_DENIED',
    'the second role does not allow a source identity',
    assuming({ roleArn: roleArnOf('forgetful') }),
  ),
  chain('STS_ASSUME_ROLE_DENIED', 'the second role does not exist', assuming({ roleArn: roleArnOf('absent') })),

  endpoints(
    'ENDPOINT_SILENT',
    'the daemon does not run',
    servedAt(() => '127.0.0.1:1'),
  ),
  endpoints(
    'ENDPOINT_FOREIGN',
    'another program has the address',
    servedAt(({ upstreams }) => hostOf(upstreams.portal)),
  ),
  endpoints('ENDPOINT_FOREIGN', 'the container endpoint has the address', (scene) => {
    scene.config.roles[0]['imds'] = { listen: scene.site.daemon.container };
    delete scene.config.container;
  }),
  endpoints(
    'ENDPOINT_OTHER_ROLE',
    'the daemon has another configuration',
    servedAt(({ daemon }) => daemon.imds.spare),
  ),
  endpoints(
    'ENDPOINT_WITHOUT_SESSION',
    'the daemon has no session',
    servedAt(({ daemon }) => daemon.imds.asleep),
  ),
  endpoints(
    'ENDPOINT_REFUSES_USER',
    'the user may not have the role',
    servedAt(({ daemon }) => daemon.imds.guarded),
  ),
  endpoints('RA_UNAVAILABLE', 'the daemon reports why it has no session', (scene) => {
    const { imds, admin } = scene.site.daemon;
    Object.assign(scene.config.roles[0], { name: 'asleep', imds: { listen: imds.asleep } });
    scene.config['admin'] = { socket: admin };
    delete scene.config.container;
  }),
  endpoints('CONTAINER_TOKEN_MISSING', 'the token file is not there', (scene) => {
    scene.config.container = containerWith(scene, scene.file('absent-token'));
  }),
  endpoints('ENDPOINT_REFUSES_USER', 'the token is an old one', async (scene) => {
    scene.config.container = containerWith(scene, await scene.write('old-token', 'x'.repeat(43)));
  }),
  endpoints('ENDPOINT_SILENT', 'there is no socket', (scene) => {
    scene.config.socket = { path: scene.file('absent.sock') };
  }),
  endpoints('DAEMON_REFUSED', 'the daemon does not know the role', (scene) => {
    scene.config.roles[0]['name'] = 'thermometer';
    delete scene.config.container;
  }),

  caller('ENV_STATIC_KEYS', 'access keys in the environment', (scene) => {
    Object.assign(scene.environment, { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'x' });
  }),
  caller('ENV_WEB_IDENTITY', 'a web identity in the environment', (scene) => {
    const token = scene.file('root-ca.pem');
    Object.assign(scene.environment, { AWS_WEB_IDENTITY_TOKEN_FILE: token, AWS_ROLE_ARN: roleArnOf('other') });
  }),
  caller('ENV_METADATA_DISABLED', 'AWS_EC2_METADATA_DISABLED=true', (scene) => {
    scene.environment['AWS_EC2_METADATA_DISABLED'] = 'true';
  }),
  caller('ENV_CONTAINER_CREDENTIALS', 'the variable of another container endpoint', (scene) => {
    scene.environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = 'http://127.0.0.1:1/other';
  }),
  caller('ENV_PROFILE_CREDENTIALS', 'access keys in ~/.aws/credentials', async (scene) => {
    const text = '[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n';
    scene.environment['AWS_SHARED_CREDENTIALS_FILE'] = await scene.write('credentials', text);
  }),
  caller('ENV_PROFILE_MISSING', 'AWS_PROFILE names no profile', (scene) => {
    scene.environment['AWS_PROFILE'] = 'absent';
  }),

  renewal('RENEWAL_PROGRAM_MISSING', 'the program that renews the certificate is not there', (scene) => {
    scene.config.identity['renew'] = { command: ['/absent/renew'] };
  }),
];
