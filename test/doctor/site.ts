import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { Workshop } from '../support/workshop.ts';

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
}

/** Opens the account. `site.workshop.close` ends everything. */
export async function openSite(): Promise<Site> {
  const workshop = await Workshop.open();
  const [authority, stranger] = await Promise.all([makeAuthority('Example Device CA'), makeAuthority('Other CA')]);
  const directory = path.join(workshop.directory, 'account');
  await mkdir(directory);
  await workshop.write('account/root-ca.pem', authority.certificatePem);
  await workshop.write('account/account.yaml', stringify(account()));
  const program = workshop.start(['emulate', '--dir', directory, '--listen', '127.0.0.1:0']);
  const [, url = ''] = await program.says(/endpoint: (http:\S+)/);
  await program.says(/AWS_ENDPOINT_URL_STS/);
  return { workshop, authority, stranger, url };
}

function account(): object {
  return {
    accountId: ACCOUNT,
    region: REGION,
    trustAnchors: [{ arn: arnOf('trust-anchor', 1), enabled: true, certificates: 'root-ca.pem', revocationLists: [] }],
    profiles: [profile(1, {})],
    roles: [role('device', {})],
  };
}

function profile(digit: number, changes: object): object {
  return {
    arn: arnOf('profile', digit),
    enabled: true,
    roleArns: [roleArnOf('device')],
    durationSeconds: 3600,
    acceptRoleSessionName: false,
    requireInstanceProperties: false,
    attributeMappings: { x509Subject: ['*'], x509Issuer: ['*'], x509SAN: ['DNS', 'URI', 'Name/*'] },
    ...changes,
  };
}

function role(name: string, changes: object): object {
  const trustPolicy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'rolesanywhere.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
        Condition: { StringEquals: { 'aws:PrincipalTag/x509Subject/O': 'Example' } },
      },
    ],
  };
  return { arn: roleArnOf(name), maxSessionDuration: 3600, policies: {}, trustPolicy, ...changes };
}
