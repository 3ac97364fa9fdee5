import { chmod, rm, unlink } from 'node:fs/promises';
import type { Scene } from './scene.ts';

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
  files('SERVICE_CANNOT_READ', 'the user of the daemon cannot read the key (`--user nobody`)', (scene) => {
    scene.flags.push('--user', 'nobody');
  }),

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
  identity('TRUST_ANCHOR_UNREACHABLE', 'another CA issued the certificate', (scene) =>
    scene.issue({}, scene.site.stranger),
  ),
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
];
