import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Account, loadAccount } from '../../src/emulator/account/account.ts';
import { issueAuthority, type Issued, issueLeaf } from '../../src/emulator/account/pki.ts';
import { CodedError } from '../../src/foundation/errors.ts';

const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/ta';
const PROFILE = 'arn:aws:rolesanywhere:eu-central-1:111122223333:profile/p';
const ROLE = 'arn:aws:iam::111122223333:role/some/path/device';
const DATES = { notBefore: Date.UTC(2026, 0), notAfter: Date.UTC(2030, 0) };

const STATEMENT = {
  Effect: 'Allow',
  Principal: { Service: 'rolesanywhere.amazonaws.com' },
  Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
};

/** A minimal valid account. */
function minimal(statement: object = STATEMENT): Record<string, unknown> {
  return {
    accountId: '111122223333',
    region: 'eu-central-1',
    trustAnchors: [{ arn: ANCHOR, certificates: 'ca.pem' }],
    profiles: [{ arn: PROFILE, roleArns: [ROLE] }],
    roles: [{ arn: ROLE, trustPolicy: { Version: '2012-10-17', Statement: statement } }],
  };
}

let directory: string;
let ca: Issued;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'account-'));
  ca = await issueAuthority({ ...DATES, subject: [{ type: 'CN', value: 'CA' }] });
  await write('ca.pem', ca.certificatePem);
});

afterEach(() => rm(directory, { recursive: true }));

function write(name: string, content: string): Promise<void> {
  return writeFile(path.join(directory, name), content);
}

async function load(written: unknown): Promise<Account> {
  await write('account.yaml', typeof written === 'string' ? written : stringify(written));
  return loadAccount(directory);
}

/** Code and lines of the error. */
async function failureOf(written: unknown): Promise<{ code: string; lines: string[] }> {
  const error: unknown = await load(written).catch((thrown: unknown) => thrown);
  if (!(error instanceof CodedError)) throw new Error('it loaded');
  const [, ...lines] = error.message.split('\n').map((line) => line.trim());
  return { code: error.code, lines };
}

describe('an account', () => {
  it('needs few keys, and has the defaults of the service', async () => {
    const { trustAnchors, ...account } = await load(minimal());
    expect(account).toMatchObject({
      accountId: '111122223333',
      region: 'eu-central-1',
      partition: 'aws',
      profiles: [
        {
          arn: PROFILE,
          enabled: true,
          roleArns: [ROLE],
          durationSeconds: 3600,
          acceptRoleSessionName: false,
          requireInstanceProperties: false,
          attributeMappings: { x509Subject: ['*'], x509Issuer: ['*'], x509SAN: ['DNS', 'URI', 'Name/*'] },
        },
      ],
      roles: [{ arn: ROLE, maxSessionDuration: 3600 }],
    });
    expect(trustAnchors).toMatchObject([{ arn: ANCHOR, enabled: true, revocationLists: [] }]);
    expect(trustAnchors[0]?.certificates.map(({ der }) => der)).toEqual([ca.der]);
  });

  it('may be in China, with two CAs and other mappings', async () => {
    const text = stringify({
      ...minimal(),
      partition: 'aws-cn',
      region: 'cn-north-1',
      trustAnchors: [{ arn: ANCHOR, certificates: ['ca.pem', 'ca.pem'], enabled: false }],
      profiles: [{ arn: PROFILE, roleArns: [ROLE], attributeMappings: { x509SAN: [] } }],
    });
    const account = await load(text.replaceAll('arn:aws:', 'arn:aws-cn:').replaceAll(':eu-central-1:', ':cn-north-1:'));
    expect(account.trustAnchors[0]).toMatchObject({ enabled: false, certificates: [{}, {}] });
    expect(account.profiles[0]?.attributeMappings).toEqual({ x509Subject: ['*'], x509Issuer: ['*'], x509SAN: [] });
  });
});

describe('an invalid account', () => {
  it('reports all problems together, each with its key path', async () => {
    const faulty = {
      ...minimal(),
      accountId: 111122223333,
      regoin: 'eu-central-1',
      trustAnchors: [{ arn: 'arn:x', certificates: 'ca.pem', enable: true }],
      profiles: [{ arn: PROFILE, roleArns: ROLE, durationSeconds: 60, attributeMappings: { x509SAN: ['IP'] } }],
    };
    const { code, lines } = await failureOf(faulty);
    expect(code).toBe('EMULATOR_ACCOUNT_INVALID');
    expect(lines).toEqual([
      'accountId: must be a string: quote it',
      'trustAnchors[0].arn: must be an ARN such as arn:aws:rolesanywhere:REGION:123456789012:trust-anchor/...',
      'trustAnchors[0].enable: is not a key known here',
      'profiles[0].roleArns: must be a list of role ARNs',
      'profiles[0].durationSeconds: must be at least 900',
      'profiles[0].attributeMappings.x509SAN[0]: must be DNS, URI, Name/* or Name/CN and the like',
      'regoin: is not a key known here',
    ]);
  });

  it('reports missing keys', async () => {
    expect((await failureOf({ accountId: '111122223333' })).lines).toEqual([
      'region: is missing',
      'trustAnchors: is missing',
      'profiles: is missing',
      'roles: is missing',
    ]);
    expect((await failureOf('')).lines).toEqual(['the file: must be a mapping']);
  });

  it('reports duplicates, and ARNs of another region or account', async () => {
    const [role] = minimal()['roles'] as object[];
    const other = { ...minimal(), region: 'us-east-1', accountId: '999999999999', roles: [role, role] };
    expect((await failureOf(other)).lines).toEqual([
      `trustAnchors[0].arn: ${ANCHOR} is not of partition aws, region us-east-1, account 999999999999`,
      `profiles[0].arn: ${PROFILE} is not of partition aws, region us-east-1, account 999999999999`,
      `profiles[0].roleArns[0]: ${ROLE} is not of partition aws, region us-east-1, account 999999999999`,
      `roles[1].arn: ${ROLE} is defined twice`,
    ]);
  });

  it('rejects Latin-1, which would change names', async () => {
    await writeFile(path.join(directory, 'account.yaml'), Buffer.from('accountId: "ü"', 'latin1'));
    await expect(loadAccount(directory)).rejects.toThrow('line 1 is not in UTF-8');
  });

  it('reports where the YAML is invalid', async () => {
    const { code, lines } = await failureOf('accountId: "1\nregion: [');
    expect(code).toBe('EMULATOR_ACCOUNT_INVALID');
    expect(lines.join(' ')).toMatch(/line \d/);
  });

  it('reports a missing file', async () => {
    await expect(loadAccount(path.join(directory, 'nowhere'))).rejects.toMatchObject({
      code: 'EMULATOR_ACCOUNT_UNREADABLE',
    });
  });
});

describe('permissions in the file', () => {
  const SHARED = 'arn:aws:iam::111122223333:policy/shared';
  const ALLOW = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' } };
  const account = (role: object, profile: object = {}, more: object = {}): object => {
    const { profiles, roles, ...rest } = minimal() as Record<string, object[]>;
    const change = (entries: object[] = [], change: object): object[] => entries.map((one) => ({ ...one, ...change }));
    return { ...rest, profiles: change(profiles, profile), roles: change(roles, role), ...more };
  };

  it('are policies with their names', async () => {
    const attached = { managedPolicyArns: [SHARED] };
    const role = { ...attached, policies: { upload: ALLOW }, permissionsBoundary: SHARED, tags: { team: 'edge' } };
    const profile = { ...attached, sessionPolicy: ALLOW };
    const loaded = await load(account(role, profile, { managedPolicies: [{ arn: SHARED, document: ALLOW }] }));
    const names = (policies: readonly { readonly name: string }[] = []): string[] => policies.map(({ name }) => name);
    const [loadedRole] = loaded.roles;
    expect(names(loadedRole?.policies)).toEqual([
      `the inline policy upload of ${ROLE}`,
      `the managed policy ${SHARED}`,
    ]);
    expect(loadedRole?.permissionsBoundary?.name).toBe(`the managed policy ${SHARED}`);
    expect(loadedRole?.tags).toEqual(new Map([['team', 'edge']]));
    expect(names(loaded.profiles[0]?.sessionPolicies)).toEqual([
      `the session policy of ${PROFILE}`,
      `the managed policy ${SHARED}`,
    ]);
  });

  it.each<[string, object, object, string]>([
    [
      'a managed policy that is not there',
      { managedPolicyArns: [SHARED] },
      { managedPolicyArns: [SHARED] },
      `profiles[0].managedPolicyArns[0]: managedPolicies has no ${SHARED}; add it with its document`,
    ],
    [
      'a boundary that is not there',
      { permissionsBoundary: SHARED },
      {},
      `roles[0].permissionsBoundary: managedPolicies has no ${SHARED}; add it with its document`,
    ],
    [
      'a principal',
      { policies: { upload: { Statement: { ...STATEMENT, Resource: '*' } } } },
      {},
      'roles[0].policies.upload.Statement[0].Principal: is not a key known here',
    ],
    [
      'no resource',
      { policies: { upload: { Statement: { Effect: 'Allow', Action: '*' } } } },
      {},
      'roles[0].policies.upload.Statement[0]: needs either Resource or NotResource',
    ],
    [
      'a variable in place of an account',
      {
        policies: { upload: { Statement: { ...ALLOW.Statement, Resource: 'arn:aws:s3::${aws:PrincipalAccount}:x' } } },
      },
      {},
      'roles[0].policies.upload.Statement[0].Resource[0]: has a variable before the fifth colon',
    ],
    [
      'a condition key that requests do not have here',
      {
        policies: {
          upload: {
            Statement: { ...ALLOW.Statement, Condition: { Bool: { 'ec2:IsLaunchTemplateResource': 'true' } } },
          },
        },
      },
      {},
      'roles[0].policies.upload: has the condition key ec2:IsLaunchTemplateResource, which requests do not have in the emulator',
    ],
    [
      'a variable that requests do not have here',
      {
        policies: {
          upload: {
            Version: '2012-10-17',
            Statement: { ...ALLOW.Statement, Resource: 'arn:aws:s3:::${aws:PrincipalOrgID}' },
          },
        },
      },
      {},
      'roles[0].policies.upload: has the condition key aws:PrincipalOrgID, which requests do not have in the emulator',
    ],
    [
      'a name that would get lost',
      { policies: JSON.parse(`{"__proto__": ${JSON.stringify(ALLOW)}}`) as object },
      {},
      'roles[0].policies: a mapping without the keys __proto__, constructor, prototype',
    ],
    [
      'a condition that would get lost',
      {
        policies: {
          upload: { Statement: { ...ALLOW.Statement, Condition: { constructor: { 'aws:username': 'x' } } } },
        },
      },
      {},
      'roles[0].policies.upload.Statement[0].Condition: a mapping without the keys __proto__, constructor, prototype',
    ],
    [
      'a wildcard in place of a service',
      { policies: { upload: { Statement: { ...ALLOW.Statement, Resource: 'arn:aws:s*:::x' } } } },
      {},
      'roles[0].policies.upload.Statement[0].Resource[0]: has a wildcard in place of the service',
    ],
  ])('may not have %s', async (_, role, profile, line) => {
    const { lines } = await failureOf(account(role, profile));
    expect(lines).toContain(line);
  });
});

describe('a trust policy in the file', () => {
  const at = 'roles[0].trustPolicy.Statement[0]';
  it.each<[string, object, string]>([
    ['a misspelt key', { Conditions: {} }, `${at}.Conditions: is not a key known here`],
    ['a resource', { Resource: '*' }, `${at}.Resource: is not a key known here`],
    ['NotAction as well', { NotAction: 'sts:AssumeRole' }, `${at}: needs either Action or NotAction`],
    ['an effect', { Effect: 'allow' }, `${at}.Effect: must be Allow or Deny`],
    ['no principal', { Principal: undefined }, `${at}.Principal: is missing`],
    ['a principal by name', { Principal: 'rolesanywhere' }, `${at}.Principal: must be a mapping`],
    ['an unknown principal', { Principal: { Servce: 'x' } }, `${at}.Principal.Servce: is not a key known here`],
    [
      'a service that is an ARN',
      { Principal: { Service: 'arn:aws:iam::1:root' } },
      `${at}.Principal.Service[0]: "arn:aws:iam::1:root" is not a service principal, such as rolesanywhere.amazonaws.com`,
    ],
    ['no action', { Action: [] }, `${at}.Action: must not be empty`],
    [
      'a foreign action',
      { Action: ['sts:AssumeRole', 's3:GetObject'] },
      `${at}.Action[1]: "s3:GetObject" is not an STS action, such as sts:AssumeRole or sts:*`,
    ],
  ])('may not have %s', async (_, change, line) => {
    expect(await failureOf(minimal({ ...STATEMENT, ...change }))).toEqual({
      code: 'EMULATOR_ACCOUNT_INVALID',
      lines: [line],
    });
  });

  const CN = 'aws:PrincipalTag/x509Subject/CN';
  it.each<[object, RegExp]>([
    [{ StringEqual: { [CN]: 'x' } }, /^Condition\.StringEqual: is not a condition operator that can be evaluated: /],
    [{ NumericEquals: { [CN]: 'x' } }, /^Condition: NumericEquals .* needs numbers$/],
    [{ DateLessThan: { [CN]: 'now' } }, /^Condition: DateLessThan .* needs dates such as/],
    [{ Bool: { [CN]: 'yes' } }, /^Condition: Bool .* needs "true" or "false"$/],
    [{ BinaryEquals: { [CN]: '%' } }, /^Condition: BinaryEquals .* needs base64$/],
    [{ NotIpAddress: { 'aws:SourceIp': '10.0.0.0/33' } }, /^Condition: NotIpAddress .* needs IP addresses or CIDR/],
    [{ Bool: { [CN]: '${aws:SourceIdentity}' } }, /^Condition: Bool .* has a policy variable, which only String/],
    [{ NullIfExists: { [CN]: 'true' } }, /^Condition\.NullIfExists: is not a condition operator/],
    [
      { 'ForAnyValues:StringEquals': { [CN]: 'x' } },
      /^Condition\.ForAnyValues:StringEquals: is not a condition operator/,
    ],
    [{ toString: { [CN]: 'x' } }, /^Condition\.toString: is not a condition operator/],
    [
      { StringEquals: { 'aws:PrincipalTags/x': 'x' } },
      /^Condition\.StringEquals\.aws:PrincipalTags\/x: is not a condition key/,
    ],
    [
      { StringEquals: { 'aws:SourceIpAddress': '127.0.0.1' } },
      /^Condition\.StringEquals\.aws:SourceIpAddress: is not a condition key/,
    ],
    [{ StringEquals: { [CN]: 12 } }, /x509Subject\/CN: 12 must be a string \(quote it\)$/],
    [{ StringEquals: { [CN]: {} } }, /x509Subject\/CN\[0\]: must be a string \(quote it\)$/],
    [{ StringEquals: { [CN]: [] } }, /x509Subject\/CN: must not be empty$/],
    [{ StringEquals: { [CN]: '${SourceAccount}' } }, /^Condition: .* has "\$\{SourceAccount\}", which is not a policy/],
    [{ Null: { [CN]: 'yes' } }, /^Condition: Null .* takes only "true" or "false"$/],
    [{ ArnLike: { 'aws:SourceArn': '*' } }, /^Condition: ArnLike aws:SourceArn: needs ARNs of six parts/],
    [
      { StringEquals: { 'aws:TagKeys': 'x' } },
      /^Condition: StringEquals aws:TagKeys: .* needs ForAnyValue: or ForAllValues:/,
    ],
    [{ StringEquals: 'x' }, /^Condition\.StringEquals: must be a mapping$/],
  ])('may not have the condition %j', async (condition, line) => {
    const { lines } = await failureOf(minimal({ ...STATEMENT, Condition: condition }));
    expect(lines).toEqual([expect.stringMatching(/^roles\[0\]\.trustPolicy\.Statement\[0\]\.Condition/)]);
    expect(lines[0]?.slice(`${at}.`.length)).toMatch(line);
  });
});

describe('the files of an account', () => {
  async function codeOf(content: string, list?: string): Promise<unknown> {
    await write('ca.pem', content);
    if (list !== undefined) await write('crl.pem', list);
    const anchor = { arn: ANCHOR, certificates: 'ca.pem', ...(list !== undefined && { revocationLists: 'crl.pem' }) };
    return load({ ...minimal(), trustAnchors: [anchor] }).then(
      () => 'loaded',
      (error: unknown) => (error instanceof CodedError ? `${error.code} ${path.basename(error.message)}` : error),
    );
  }

  it('must contain CA certificates', async () => {
    const leaf = await issueLeaf({ ...DATES, subject: [{ type: 'CN', value: 'leaf' }] }, ca);
    expect(await codeOf('')).toBe('EMULATOR_CERTIFICATE_UNREADABLE ca.pem: it has no certificate');
    expect(await codeOf(ca.privateKeyPem)).toBe('EMULATOR_CERTIFICATE_UNREADABLE ca.pem: it has no certificate');
    expect(await codeOf(leaf.certificatePem)).toBe(
      'EMULATOR_CERTIFICATE_UNREADABLE ca.pem: CN=leaf is no CA certificate (basicConstraints CA:TRUE)',
    );
    expect(await codeOf(ca.certificatePem.replace('MII', 'AAA'))).toMatch(/^EMULATOR_CERTIFICATE_UNREADABLE ca.pem: /);
    expect(await codeOf(ca.certificatePem)).toBe('loaded');
  });

  it('must contain revocation lists', async () => {
    expect(await codeOf(ca.certificatePem, ca.certificatePem)).toBe(
      'EMULATOR_CERTIFICATE_UNREADABLE crl.pem: it has no revocation list',
    );
    const broken = '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n';
    expect(await codeOf(ca.certificatePem, broken)).toMatch(/^EMULATOR_CERTIFICATE_UNREADABLE crl.pem: /);
  });

  it('must exist', async () => {
    await rm(path.join(directory, 'ca.pem'));
    await expect(load(minimal())).rejects.toMatchObject({ code: 'EMULATOR_CERTIFICATE_UNREADABLE' });
  });
});
