import { expect, it, test } from 'vitest';
import { accountFindings, unreadParts } from '../../src/account/account-findings.ts';
import { type AccountSide, readAccount } from '../../src/account/account-side.ts';
import { x509 } from '../../src/emulator/account/x509.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import type { ChainedTarget, RoleTarget } from '../../src/rolesanywhere/role-target.ts';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { ACCOUNT_ID, answerOf, ARNS, type FakeAccount, goodAccount, trusting } from './fake-account.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const [ca, stranger] = await Promise.all([makeAuthority('Example Device CA'), makeAuthority('Other CA')]);
const expired = await makeAuthority('Old CA', { keys: keysOf(ca), notAfter: NOW - 1000 });
const intermediate = await ca.subordinate('Intermediate');
const device = await ca.issue({ subject: 'CN=device-0001,OU=Devices', serial: '00f00d', notAfter: NOW + 1e9 });
const below = await intermediate.issue({ subject: 'CN=device-0001' });

function keysOf({ privateKey, certificatePem }: Authority): {
  privateKey: typeof privateKey;
  publicKey: typeof privateKey;
} {
  const { publicKey } = readCertificate(derOf(certificatePem));
  if (!publicKey) throw new Error('no key');
  return { privateKey, publicKey };
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64');
}

const place = {
  ...{ partition: 'aws', region: 'eu-central-1', environment: {} },
  rolesAnywhere: { fips: false, dualStack: false },
};

function read(account: FakeAccount): Promise<AccountSide> {
  return readAccount(ARNS, place, {
    keys: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: new Secret('secret') },
    send: (request) => Promise.resolve(answerOf(account, request)),
    now: () => NOW,
    signal: new AbortController().signal,
  });
}

const asked: RoleTarget = { ...ARNS, sessionDuration: 3600 };

interface Case {
  readonly account?: (account: FakeAccount) => void;
  readonly role?: Partial<RoleTarget & ChainedTarget>;
  readonly certificate?: Buffer;
  readonly chain?: readonly Buffer[];
}

async function found(one: Case): Promise<string[]> {
  const account = goodAccount(ca.certificatePem);
  one.account?.(account);
  const side = await read(account);
  expect(unreadParts(side)).toEqual([]);
  return accountFindings(side, {
    role: { ...asked, ...one.role },
    certificate: readCertificate(one.certificate ?? device.certificateDer),
    chain: (one.chain ?? []).map(readCertificate),
    now: NOW,
  }).map(({ severity, error: { code, remedy } }) => `${severity} ${code}: ${remedy}`);
}

async function revoking(serialNumber: string, issuer: Authority = ca): Promise<Buffer> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const pkcs8 = issuer.privateKey.export({ format: 'der', type: 'pkcs8' });
  const list = await x509.X509CrlGenerator.create({
    issuer: readCertificate(issuer.certificateDer).subjectText,
    thisUpdate: new Date(NOW),
    nextUpdate: new Date(NOW + 1e9),
    signingAlgorithm: algorithm,
    signingKey: await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), algorithm, false, ['sign']),
    entries: [{ serialNumber: '01' }, { serialNumber }],
  });
  return Buffer.from(list.toString('pem'));
}

const [ofDevice, ofIntermediate, ofOther] = await Promise.all([
  revoking('00f00d'),
  revoking(readCertificate(intermediate.certificateDer).serialHex),
  revoking('0f00d0'),
]);

function list(data: Buffer, changes: Partial<FakeAccount['lists'][number]> = {}): FakeAccount['lists'][number] {
  return { name: 'list', enabled: true, data, trustAnchorArn: ARNS.trustAnchorArn, ...changes };
}

function profile(changes: object): (account: FakeAccount) => void {
  return (account) => void Object.assign(account.profile ?? {}, changes);
}

function trust(trustPolicy: object): (account: FakeAccount) => void {
  return (account) => (account.role = { maxSessionDuration: 3600, trustPolicy });
}

const NEEDS = { requireInstanceProperties: true };
const CN_ONLY = {
  attributeMappings: [
    { certificateField: 'x509Subject', mappingRules: [{ specifier: 'CN' }] },
    { certificateField: 'x509Issuer', mappingRules: [{ specifier: '*' }] },
  ],
};
const OU = trusting({ StringEquals: { 'aws:PrincipalTag/x509subject/ou': 'Devices' } });
const deploy = { roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/deploy`, sessionDuration: 3600 };
const sessionPolicy = (Action: string): object => ({
  sessionPolicy: JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource: '*' } }),
});

test.each<[string, Case, readonly RegExp[]]>([
  ['an account that fits', {}, []],
  [
    'a missing anchor',
    { account: (account) => (account.anchor = undefined) },
    [/ANCHOR_MISSING: Run `aws rolesanywhere list-trust-anchors --region eu-central-1`/],
  ],
  [
    'a disabled anchor',
    { account: ({ anchor }) => anchor && (anchor.enabled = false) },
    [/ANCHOR_DISABLED: Run `aws rolesanywhere enable-trust-anchor --trust-anchor-id 1111/],
  ],
  [
    'the anchor of another CA',
    { account: ({ anchor }) => anchor && (anchor.pem = stranger.certificatePem) },
    [/ANCHOR_OTHER_CA: /],
  ],
  ['a missing intermediate', { certificate: below.certificateDer }, [/ANCHOR_OTHER_CA: .*identity\.intermediates/]],
  [
    'an expired CA',
    {
      account: ({ anchor }) => anchor && (anchor.pem = expired.certificatePem),
      certificate: (await expired.issue({ subject: 'CN=device-0001' })).certificateDer,
    },
    [/ANCHOR_EXPIRED: /],
  ],
  [
    'a revoked certificate',
    { account: (account) => account.lists.push(list(ofOther), list(ofDevice)) },
    [/CERTIFICATE_REVOKED: Run `aws rolesanywhere list-crls/],
  ],
  [
    'a revoked intermediate',
    {
      account: (account) => account.lists.push(list(ofIntermediate)),
      certificate: below.certificateDer,
      chain: [intermediate.certificateDer],
    },
    [/CERTIFICATE_REVOKED/],
  ],
  [
    'a missing profile',
    { account: (account) => (account.profile = undefined) },
    [/PROFILE_MISSING: Run `aws rolesanywhere list-profiles/],
  ],
  [
    'a disabled profile',
    { account: profile({ enabled: false }) },
    [/PROFILE_DISABLED: Run `aws rolesanywhere enable-profile --profile-id 1111/],
  ],
  [
    'a profile without the role',
    { account: profile({ roleArns: ['arn:aws:iam::111122223333:role/other'] }) },
    [
      /PROFILE_LACKS_ROLE: Run `aws rolesanywhere update-profile .* --role-arns arn:aws:iam::111122223333:role\/other arn:aws:iam::111122223333:role\/fleet\/device`/,
    ],
  ],
  [
    'a session name that the profile rejects',
    { role: { roleSessionName: 'sensor' } },
    [/SESSION_NAME_REFUSED: .*--accept-role-session-name/],
  ],
  [
    'a duration above that of the profile',
    { account: profile({ durationSeconds: 900 }) },
    [/^warning ACCOUNT_DURATION_ABOVE_PROFILE: .*--duration-seconds 3600/],
  ],
  [
    'a missing role',
    { account: (account) => (account.role = undefined) },
    [/ROLE_MISSING: Run `aws iam get-role --role-name device`/],
  ],
  [
    'a duration above that of the role',
    { account: profile({ durationSeconds: 43_200 }), role: { sessionDuration: 7200 } },
    [/^error ACCOUNT_DURATION_ABOVE_ROLE: Run `aws iam update-role --role-name device --max-session-duration 7200`/],
  ],
  [
    'a tag that is not mapped',
    {
      account: (account) => {
        profile(CN_ONLY)(account);
        trust(OU)(account);
      },
    },
    [
      /MAPPING_LACKS_TAG: Run `aws rolesanywhere put-attribute-mapping .* --certificate-field x509Subject --mapping-rules specifier=CN specifier=OU`/,
    ],
  ],
  [
    'a trust policy for another certificate',
    { account: trust(trusting({ StringEquals: { 'aws:PrincipalTag/x509Subject/CN': 'x' } })) },
    [/^error ACCOUNT_TRUST_DENIES: /],
  ],
  [
    'a trust policy without two actions',
    { account: trust(trusting({}, 'sts:AssumeRole')) },
    [/^error ACCOUNT_TRUST_DENIES: /],
  ],
  [
    'a trust policy with a key that only AWS knows',
    { account: trust(trusting({ StringEquals: { 'aws:SourceOrgID': 'o-1' } })) },
    [/^warning ACCOUNT_TRUST_DENIES: /],
  ],
  [
    'a session policy without the second role',
    { account: profile(sessionPolicy('s3:*')), role: { assume: deploy } },
    [/SESSION_POLICY_DENIES/],
  ],
  ['required properties', { account: profile(NEEDS) }, [/^warning ACCOUNT_PROFILE_NEEDS_PROPERTIES: /]],
])('%s', async (_what, one, expected) => {
  expect(await found(one)).toEqual(expected.map((pattern): unknown => expect.stringMatching(pattern)));
});

test.each<[string, Case]>([
  ['a disabled list', { account: (account) => account.lists.push(list(ofDevice, { enabled: false })) }],
  ['a list of another anchor', { account: (account) => account.lists.push(list(ofDevice, { trustAnchorArn: 'x' })) }],
  ['a list that names others', { account: (account) => account.lists.push(list(ofOther)) }],
  [
    'a CA that replaces an expired one',
    { account: ({ anchor }) => anchor && (anchor.pem = expired.certificatePem + ca.certificatePem) },
  ],
  [
    'an anchor below the root',
    {
      account: ({ anchor }) => anchor && (anchor.pem = intermediate.certificatePem),
      certificate: below.certificateDer,
    },
  ],
  ['a tag that the policy wants and the profile maps', { account: trust(OU) }],
  [
    'a session name that the profile accepts',
    { account: profile({ acceptRoleSessionName: true }), role: { roleSessionName: 'sensor' } },
  ],
  ['a duration that the profile shortens below the maximum', { role: { sessionDuration: 3600 } }],
  ['a session policy with the second role', { account: profile(sessionPolicy('sts:*')), role: { assume: deploy } }],
  ['a session policy without a chain', { account: profile(sessionPolicy('s3:*')) }],
])('finds nothing in %s', async (_what, one) => {
  expect(await found(one)).toEqual([]);
});

it('names what could not be read, and the action that is missing', async () => {
  const account = goodAccount(ca.certificatePem);
  account.denied = [
    'rolesanywhere:GetProfile',
    'iam:GetRole',
    'rolesanywhere:ListCrls',
    'rolesanywhere:GetTrustAnchor',
  ];
  const parts = unreadParts(await read(account));
  expect(parts).toEqual([
    expect.stringMatching(/^the trust anchor: rolesanywhere:GetTrustAnchor is not allowed/),
    expect.stringMatching(/^the revocation lists: rolesanywhere:ListCrls is not allowed/),
    expect.stringMatching(/^the profile: rolesanywhere:GetProfile is not allowed/),
    expect.stringMatching(/^the role and its trust policy: iam:GetRole is not allowed/),
  ]);
});

it('does not compare with certificates that AWS Private CA has', async () => {
  const account = goodAccount(ca.certificatePem);
  account.anchor = { enabled: true, pem: undefined };
  const side = await read(account);
  expect(unreadParts(side)).toEqual([expect.stringContaining('AWS Private CA')]);
});

it('is not sure of a trust policy without the mappings of the profile', async () => {
  const account = goodAccount(ca.certificatePem);
  account.denied = ['rolesanywhere:GetProfile'];
  trust(trusting({ StringEquals: { 'aws:PrincipalTag/x509Subject/CN': 'x' } }))(account);
  const certificate = readCertificate(device.certificateDer);
  const findings = accountFindings(await read(account), { role: asked, certificate, chain: [], now: NOW });
  expect(findings).toMatchObject([{ severity: 'warning', error: { code: 'ACCOUNT_TRUST_DENIES' } }]);
});

test.each<[string, (account: FakeAccount) => void, string]>([
  ['expired keys', (account) => (account.keys = 'ExpiredTokenException'), 'ACCOUNT_KEYS_REFUSED'],
  ['a busy service', (account) => (account.keys = 'ThrottlingException'), 'ACCOUNT_NOT_READ'],
  ['keys of another account', (account) => (account.accountId = '999988887777'), 'ACCOUNT_DIFFERS'],
])('reads nothing with %s', async (_what, change, code) => {
  const account = goodAccount(ca.certificatePem);
  change(account);
  const error = await read(account).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CodedError);
  expect(error).toMatchObject({ code });
});

test.each<[string, (account: FakeAccount) => void]>([
  ['the role', trust({ Statement: 'x' })],
  ['the profile', profile({ sessionPolicy: '{' })],
  [
    'the trust anchor',
    ({ anchor }) => anchor && (anchor.pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'),
  ],
  ['a revocation list', (account) => account.lists.push(list(Buffer.from('x')))],
])('reports an unusable answer about %s as not read', async (what, change) => {
  const account = goodAccount(ca.certificatePem);
  change(account);
  const side = await read(account);
  expect(unreadParts(side)).toEqual([expect.stringContaining(what.replace(/^a /, ''))]);
  expect(() =>
    accountFindings(side, { role: asked, certificate: readCertificate(device.certificateDer), chain: [], now: NOW }),
  ).not.toThrow();
});
