import { webcrypto } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { x509 } from '../../src/emulator/account/x509.ts';
import type { ServedAccount } from '../account/fake-account.ts';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { eventually } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';
import { openAccounts } from './account-faults.ts';
import { openUpstreams, type Upstreams } from './upstreams.ts';

// A made-up company: its CA, its account in the emulator, and a healthy device. Faults are seeded into copies of it.

const ACCOUNT = '111122223333';
const REGION = 'eu-central-1';

export type Name = 'trust-anchor' | 'profile';

/** @param digit - which one. */
export const arnOf = (kind: Name, digit: number): string =>
  `arn:aws:rolesanywhere:${REGION}:${ACCOUNT}:${kind}/${String(digit).repeat(8)}-1111-1111-1111-111111111111`;
export const roleArnOf = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`;

export interface Site {
  readonly workshop: Workshop;
  readonly authority: Authority;
  /** A CA that the account does not know. */
  readonly stranger: Authority;
  /** URL of the emulator. */
  readonly url: string;
  readonly upstreams: Upstreams;
  /** Accounts that can be read, one for each fault. */
  readonly accounts: ServedAccount;
  readonly daemon: SiteDaemon;
  readonly close: () => Promise<void>;
}

/** One daemon of the healthy configuration, and with roles that a device must not meet. */
export interface SiteDaemon {
  /** `127.0.0.1:PORT` of each role. */
  readonly imds: Readonly<Record<'device' | 'guarded' | 'spare' | 'asleep', string>>;
  readonly container: string;
  readonly tokenFile: string;
  readonly socket: string;
  readonly admin: string;
}

/** The serial number that the CRL of the account lists. */
export const REVOKED = '5adead';
/** Profiles of the account besides the good one. */
export const PROFILE = { good: 1, disabled: 2, absent: 9 } as const;

/** Opens the account and the servers. */
export async function openSite(): Promise<Site> {
  const workshop = await Workshop.open();
  const [authority, stranger] = await Promise.all([makeAuthority('Example Device CA'), makeAuthority('Other CA')]);
  const directory = path.join(workshop.directory, 'account');
  await mkdir(directory);
  await workshop.write('account/root-ca.pem', authority.certificatePem);
  await workshop.write('account/crl.pem', await revocationList(authority));
  await workshop.write('account/account.yaml', stringify(account()));
  const program = workshop.start(['emulate', '--dir', directory, '--listen', '127.0.0.1:0']);
  const [, url = ''] = await program.says(/endpoint: (http:\S+)/);
  await program.says(/AWS_ENDPOINT_URL_STS/);
  const upstreams = await openUpstreams(authority, stranger);
  const accounts = await openAccounts(authority, stranger);
  const close = async (): Promise<void> => {
    accounts.close();
    await Promise.all([workshop.close(), upstreams.close()]);
  };
  const site = { workshop, authority, stranger, url, upstreams, accounts, close };
  return { ...site, daemon: await openDaemon(site) };
}

const ROLES = ['device', 'guarded', 'spare', 'asleep'] as const;

async function openDaemon({
  workshop,
  authority,
  url: endpoint,
  upstreams,
}: Omit<Site, 'daemon'>): Promise<SiteDaemon> {
  const { failing } = upstreams;
  const device = await authority.issue();
  const inSite = (name: string): string => path.join(workshop.directory, name);
  const [tokenFile, socket, admin] = [inSite('token'), inSite('daemon.sock'), inSite('admin.sock')];
  const imds = { listen: '127.0.0.1:0' };
  const roleArns = { device: 'device', guarded: 'device', spare: 'spare', asleep: 'device' };
  const config = {
    identity: {
      certificate: await workshop.write('daemon.pem', device.certificatePem),
      privateKey: await workshop.write('daemon.key', device.keyPem),
    },
    rolesAnywhere: { endpoint, trustAnchorArn: arnOf('trust-anchor', 1), profileArn: arnOf('profile', PROFILE.good) },
    roles: ROLES.map((name) => ({
      ...{ name, imds, roleArn: roleArnOf(roleArns[name]), required: name === 'device' },
      ...(name === 'guarded' && { allow: { users: ['nobody'] } }),
      ...(name === 'asleep' && { endpoint: failing }),
    })),
    container: { listen: '127.0.0.1:0', tokens: [{ client: 'app', roles: ['device'], file: tokenFile }] },
    socket: { path: socket },
    admin: { socket: admin },
  };
  const program = workshop.start(['serve', await workshop.write('daemon.yaml', stringify(config))]);
  const line = await eventually('the addresses', 60_000, () => program.log.find(({ msg }) => msg === 'serving'));
  await eventually('sessions', 60_000, () =>
    program.log.filter(({ msg }) => msg === 'role session granted').length >= 3 ? true : undefined,
  );
  const addresses = (line['endpoints'] as string[]).map((url) => new URL(url).host);
  return {
    imds: Object.fromEntries(ROLES.map((name, index) => [name, addresses[index]])) as SiteDaemon['imds'],
    container: new URL(String(line['container'])).host,
    ...{ tokenFile, socket, admin },
  };
}

export async function revocationList({ certificatePem, privateKey }: Authority): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const list = await x509.X509CrlGenerator.create({
    issuer: new x509.X509Certificate(certificatePem).subjectName,
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    signingAlgorithm: { ...algorithm, hash: 'SHA-256' },
    thisUpdate: new Date(Date.UTC(2025, 0, 1)),
    nextUpdate: new Date(Date.UTC(2045, 0, 1)),
    entries: [{ serialNumber: REVOKED }],
  });
  return list.toString('pem');
}

const ALL = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];
const BY_DEVICE = { AWS: roleArnOf('device') };

function account(): object {
  const good = { enabled: true, certificates: 'root-ca.pem', revocationLists: ['crl.pem'] };
  return {
    accountId: ACCOUNT,
    region: REGION,
    trustAnchors: [
      { arn: arnOf('trust-anchor', 1), ...good },
      { arn: arnOf('trust-anchor', 2), ...good, enabled: false },
    ],
    profiles: [profile(PROFILE.good, {}), profile(PROFILE.disabled, { enabled: false })],
    roles: [
      role('device', { policies: { chain: allowing({ Action: ALL, Resource: '*' }) } }),
      role('spare', {}),
      role('untagged', { trustPolicy: trusting(ALL.filter((action) => action !== 'sts:TagSession')) }),
      role('sensors', { trustPolicy: trusting(ALL, { 'aws:PrincipalTag/x509Subject/OU': 'Sensors' }) }),
      role('second', { trustPolicy: allowing({ Principal: BY_DEVICE, Action: ALL }) }),
      role('closed', {}),
      role('forgetful', { trustPolicy: allowing({ Principal: BY_DEVICE, Action: ['sts:AssumeRole'] }) }),
    ],
  };
}

function allowing(...statements: object[]): object {
  return { Version: '2012-10-17', Statement: statements.map((one) => ({ Effect: 'Allow', ...one })) };
}

function trusting(actions: readonly string[], equal: object = { 'aws:PrincipalTag/x509Subject/O': 'Example' }): object {
  const principal = { Service: 'rolesanywhere.amazonaws.com' };
  return allowing({ Principal: principal, Action: actions, Condition: { StringEquals: equal } });
}

function profile(digit: number, changes: object): object {
  return {
    arn: arnOf('profile', digit),
    enabled: true,
    roleArns: ['device', 'spare', 'untagged', 'sensors', 'absent'].map(roleArnOf),
    durationSeconds: 3600,
    acceptRoleSessionName: false,
    requireInstanceProperties: false,
    attributeMappings: { x509Subject: ['*'], x509Issuer: ['*'], x509SAN: ['DNS', 'URI', 'Name/*'] },
    ...changes,
  };
}

function role(name: string, changes: object): object {
  return { arn: roleArnOf(name), maxSessionDuration: 3600, policies: {}, trustPolicy: trusting(ALL), ...changes };
}
