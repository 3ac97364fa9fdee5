import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { stringify } from 'yaml';
import type { Diagnosis } from '../../src/doctor/diagnosis.ts';
import {
  ACCOUNT_ID,
  ARNS,
  type FakeAccount,
  goodAccount,
  serveAccount,
  type ServedAccount,
  trusting,
} from '../account/fake-account.ts';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let ca: Authority;
let account: FakeAccount;
let served: ServedAccount;
let config: string;
let environment: Record<string, string>;

beforeAll(async () => {
  workshop = await Workshop.open();
  served = await serveAccount(() => account);
  ca = await makeAuthority('Example Device CA');
  const device = await ca.issue({ subject: 'CN=device-0001,OU=Devices' });
  const { trustAnchorArn, profileArn, roleArn } = ARNS;
  const written = {
    identity: {
      certificate: await workshop.write('device.pem', device.certificatePem),
      privateKey: await workshop.write('device.key', device.keyPem),
    },
    rolesAnywhere: { endpoint: served.url, trustAnchorArn, profileArn },
    roles: [{ roleArn }],
  };
  config = await workshop.write('config.yaml', stringify(written));
  environment = {
    AWS_SHARED_CREDENTIALS_FILE: await workshop.write(
      'credentials',
      '[admin]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = very-secret\n[half]\naws_access_key_id = AKIAEXAMPLE\n',
    ),
    AWS_CONFIG_FILE: await workshop.write('aws-config', '[profile sso]\nsso_session = x\n'),
  };
  return async () => {
    served.close();
    await workshop.close();
  };
});

beforeEach(() => {
  account = goodAccount(ca.certificatePem);
});

type Step = Diagnosis['steps'][number];

async function accountStep(profile = 'admin'): Promise<Step> {
  const args = ['doctor', config, '--dry', '--json', '--with-profile', profile];
  const { stdout, stderr } = await run(args, { env: environment });
  expect(stderr).toBe('');
  expect(stdout).not.toContain('very-secret');
  const step = (JSON.parse(stdout) as Diagnosis).steps.find(({ name }) => name === 'account');
  if (!step) throw new Error(stdout);
  return step;
}

test('an account that fits', async () => {
  expect(await accountStep()).toMatchObject({
    outcome: 'passed',
    findings: [],
    unchecked: [],
    seen: ['anchor, profile, role, trust policy in the account fit the certificate'],
  });
});

test('a cause in the account is one, with the command that corrects it', async () => {
  account.profile = { ...account.profile, enabled: false };
  const remedy = expect.stringContaining('Run `aws rolesanywhere enable-profile --profile-id ') as unknown;
  expect(await accountStep()).toMatchObject({
    outcome: 'failed',
    findings: [{ severity: 'error', code: 'ACCOUNT_PROFILE_DISABLED', remedy }],
  });
});

test('nothing is claimed of an anchor whose certificates AWS Private CA has', async () => {
  account.anchor = { enabled: true, pem: undefined };
  expect(await accountStep()).toMatchObject({
    outcome: 'passed',
    seen: ['profile, role, trust policy in the account fit the certificate'],
    unchecked: [expect.stringContaining('AWS Private CA')],
  });
});

test('missing rights leave the rest checked', async () => {
  account.denied = ['rolesanywhere:ListCrls'];
  account.role = { maxSessionDuration: 3600, trustPolicy: trusting({}, 'sts:AssumeRole') };
  expect(await accountStep()).toMatchObject({
    findings: [{ code: 'ACCOUNT_TRUST_DENIES' }],
    unchecked: [expect.stringContaining('rolesanywhere:ListCrls is not allowed')],
  });
});

describe('keys of no use are no cause', () => {
  test.each<[string, string, () => void, string]>([
    ['of a profile that is not there', 'none', () => undefined, 'ACCOUNT_KEYS_MISSING'],
    ['of a profile without keys', 'sso', () => undefined, 'ACCOUNT_KEYS_MISSING'],
    ['of which the secret is missing', 'half', () => undefined, 'ACCOUNT_KEYS_MISSING'],
    ['that are expired', 'admin', () => (account.keys = 'ExpiredTokenException'), 'ACCOUNT_KEYS_REFUSED'],
    ['of another account', 'admin', () => (account.accountId = '999988887777'), 'ACCOUNT_DIFFERS'],
  ])('%s', async (_what, profile, change, code) => {
    change();
    expect(await accountStep(profile)).toMatchObject({ findings: [{ severity: 'warning', code }] });
  });
});

test('without a profile, the account is not checked', async () => {
  const { stdout } = await run(['doctor', config, '--dry'], { env: environment });
  expect(stdout).toContain('set --with-profile to a profile that may read them');
});

const READS = `
import json, sys, boto3
url, anchor, profile = sys.argv[1:]
def client(service):
    return boto3.client(service, region_name="eu-central-1", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b")
ra = client("rolesanywhere")
uuid = anchor.split("/")[-1]
crls = []
for page in ra.get_paginator("list_crls").paginate():
    crls += [[c["name"], c["enabled"], c["crlData"].decode(), c["trustAnchorArn"]] for c in page["crls"]]
role = client("iam").get_role(RoleName="device")["Role"]
print(json.dumps({
    "account": client("sts").get_caller_identity()["Account"],
    "anchor": [ra.get_trust_anchor(trustAnchorId=uuid)["trustAnchor"][k] for k in ("enabled", "source")],
    "profile": {k: v for k, v in ra.get_profile(profileId=uuid)["profile"].items()},
    "crls": crls,
    "role": [role["Arn"], role["MaxSessionDuration"], role["AssumeRolePolicyDocument"]],
}))
`;

describeWith('boto3', hasTool('python3', '-c', 'import boto3'), 'the account of these tests', () => {
  it('answers as botocore reads it', async () => {
    const { trustAnchorArn } = ARNS;
    for (const name of ['one', 'two'])
      account.lists.push({ name, enabled: true, data: Buffer.from(`list ${name}`), trustAnchorArn });
    const { stdout } = await promisify(execFile)(
      'python3',
      ['-c', READS, served.url, trustAnchorArn, ARNS.profileArn],
      {
        env: { PATH: process.env['PATH'] },
      },
    );
    expect(JSON.parse(stdout)).toEqual({
      account: ACCOUNT_ID,
      anchor: [true, { sourceType: 'CERTIFICATE_BUNDLE', sourceData: { x509CertificateData: ca.certificatePem } }],
      profile: account.profile,
      crls: ['one', 'two'].map((name) => [name, true, `list ${name}`, trustAnchorArn]),
      role: [ARNS.roleArn, 3600, account.role?.trustPolicy],
    });
  });
});
