import path from 'node:path';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { type Issued, makeAuthority } from '../support/pki.ts';
import { type Outcome, run } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

const ARNS = {
  anchor: 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/11111111-2222-3333-4444-555555555555',
  profile: 'arn:aws:rolesanywhere:eu-central-1:111122223333:profile/66666666-7777-8888-9999-000000000000',
  role: 'arn:aws:iam::111122223333:role/fleet/device',
};

const PKCS12_PASSPHRASE = 'geheim';

let workshop: Workshop;
let device: Issued;
let certificate: string;
let config: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  device = await (
    await makeAuthority()
  ).issue({ subject: 'CN=device-0001,OU=Devices,O=Example (Test)', serial: '5a01' });
  certificate = await workshop.write('device.pem', device.certificatePem);
  const key = await workshop.write('device.key', device.keyPem);
  config = await workshop.write(
    'config.yaml',
    `identity: { certificate: ${certificate}, privateKey: ${key} }
rolesAnywhere: { trustAnchorArn: "${ARNS.anchor}", profileArn: "${ARNS.profile}" }
roles: [{ roleArn: "${ARNS.role}", roleSessionName: sensor }]
`,
  );
  return workshop.close;
});

const show = (...args: string[]): Promise<Outcome> => run(['policy', 'show', ...args]);

/** The policy in the output for people: the lines from brace to brace. */
function printedPolicy({ stdout }: Outcome): unknown {
  return JSON.parse(/^\{$.*?^\}$/ms.exec(stdout)?.[0] ?? '');
}

interface ShownReport {
  readonly sessions: readonly unknown[];
  readonly trust: { readonly document: unknown };
  readonly commands: Readonly<Record<string, readonly string[]>>;
}

describe('policy show', () => {
  it('prints the same policy for people and as JSON', async () => {
    const [text, json] = await Promise.all([show(certificate), show(certificate, '--json')]);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(printedPolicy(text)).toEqual((JSON.parse(json.stdout) as ShownReport).trust.document);
    expect(text.stdout).toContain('aws:PrincipalTag/x509Subject/CN  device-0001\n');
    expect(text.stdout).toContain('x509Subject/O "Example (Test)" has "(" ")", which no session tag can have\n');
  });

  it('takes certificate, ARNs and session name from a configuration', async () => {
    const { stdout } = await show('--config', config, '--json');
    const { trust, sessions, commands } = JSON.parse(stdout) as ShownReport;
    expect(trust.document).toMatchObject({
      Statement: [{ Condition: { ArnEquals: { 'aws:SourceArn': ARNS.anchor } } }],
    });
    expect(sessions).toMatchObject([
      { assumedRoleArn: 'arn:aws:sts::111122223333:assumed-role/device/5a01' },
      { assumedRoleArn: 'arn:aws:sts::111122223333:assumed-role/device/sensor' },
    ]);
    expect(Object.values(commands).flat().join('\n')).not.toMatch(/PROFILE|ROLE|ACCOUNT/);
  });

  it('takes the mappings from the answer of GetProfile', async () => {
    const profile = {
      profile: {
        profileArn: ARNS.profile,
        attributeMappings: [
          { certificateField: 'x509Subject', mappingRules: [{ specifier: 'CN' }] },
          { certificateField: 'x509Issuer', mappingRules: [{ specifier: 'CN' }] },
        ],
      },
    };
    const file = await workshop.write('profile.json', JSON.stringify(profile));
    const { stdout } = await show(certificate, '--profile', file, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      tags: { 'x509Subject/CN': 'device-0001', 'x509Issuer/CN': 'Root' },
      untaggable: [],
      commands: { mapping: [] },
    });
  });

  it('warns before a policy for every certificate of an issuer', async () => {
    const { stdout } = await show(certificate, '--for', 'issuer');
    expect(stdout).toMatch(/^warning: .*that is every certificate of the trust anchor\.$/m);
  });

  it('escapes what a certificate has for a terminal', async () => {
    const odd = await (await makeAuthority()).issue({ subject: 'CN=device-0001,O=\u001b[31mred\u202e' });
    const file = await workshop.write('odd.pem', odd.certificatePem);
    const [text, json] = await Promise.all([show(file), show(file, '--json')]);
    expect(text.stdout).toContain('"\\x1b[31mred\\u202e"');
    for (const character of ['\u001b', '\u202e']) expect(text.stdout + json.stdout).not.toContain(character);
    expect(() => JSON.parse(json.stdout) as unknown).not.toThrow();
  });

  it('opens PKCS#12 with the passphrase of a file or a variable', async () => {
    const pkcs12 = path.resolve(import.meta.dirname, '../identity/device.p12');
    const locked = await show(pkcs12);
    expect(locked.stderr).toContain('PASSPHRASE_MISSING');
    const file = await workshop.write('passphrase', `${PKCS12_PASSPHRASE}\n`);
    const opened = await show(pkcs12, '--passphrase-file', file);
    expect(opened).toMatchObject({ code: 0, stderr: '' });
    const env = { P12_PASSPHRASE: PKCS12_PASSPHRASE };
    expect(await run(['policy', 'show', pkcs12, '--passphrase-env', 'P12_PASSPHRASE'], { env })).toEqual(opened);
  });

  it('notes what IAM Roles Anywhere refuses about a certificate', async () => {
    const authority = await makeAuthority();
    const file = await workshop.write('ca.pem', authority.certificatePem);
    const { stdout } = await show(file, '--for', 'issuer');
    expect(stdout).toMatch(/^ {2}CERTIFICATE_IS_CA: .* is a CA certificate\. Use an end-entity certificate/m);
  });

  it('--json: a failure is a line of JSON', async () => {
    const { code, stdout, stderr } = await show('none.pem', '--json');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ level: 'error', code: 'FILE_MISSING' });
  });

  test.each<[string, () => string[], string, number]>([
    ['no certificate', () => [], 'CERTIFICATE_NOT_NAMED', 2],
    ['a file without one', () => [path.join(workshop.directory, 'device.key')], 'NO_CERTIFICATE', 1],
    ['a missing file', () => [path.join(workshop.directory, 'none.pem')], 'FILE_MISSING', 1],
    ['a tag it does not have', () => [certificate, '--for', 'san'], 'NOTHING_TO_TRUST', 1],
    ['a profile that is none', () => [certificate, '--profile', config], 'NOT_JSON', 2],
    ['an ARN of something else', () => [certificate, '--role-arn', ARNS.profile], 'ARN_WRONG_KIND', 1],
  ])('rejects %s', async (_what, args, code, exit) => {
    const outcome = await show(...args());
    expect(outcome).toMatchObject({ code: exit, stdout: '' });
    expect(outcome.stderr).toContain(`imds-anywhere: ${code}: `);
  });
});

const SERVICE = { Service: 'rolesanywhere.amazonaws.com' };
const THREE = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];

async function written(name: string, ...statements: object[]): Promise<string> {
  return workshop.write(name, JSON.stringify({ Version: '2012-10-17', Statement: statements }));
}

const check = (trustPolicy: string, ...args: string[]): Promise<Outcome> =>
  run(['policy', 'test', '--trust-policy', trustPolicy, '--certificate', certificate, ...args]);

describe('policy test', () => {
  it('says what is wrong with the sample of tutorials, and what would work', async () => {
    const sample = await written('sample.json', {
      ...{ Effect: 'Allow', Principal: SERVICE, Action: 'sts:AssumeRole' },
      Condition: { StringEquals: { 'aws:PrincipalTag/DeviceType': 'sensor' } },
    });
    const outcome = await check(sample);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(
      'POLICY_DENIES: not allowed: sts:AssumeRole, sts:TagSession, sts:SetSourceIdentity',
    );
    expect(outcome.stdout).toContain(
      'sts:TagSession: not allowed\n  trust policy: no statement has this action\n' +
        'sts:SetSourceIdentity: not allowed\n  trust policy: no statement has this action\n',
    );
    expect(outcome.stdout).toMatch(
      /absent {2}StringEquals aws:PrincipalTag\/DeviceType wanted "sensor", the request has no such key/,
    );
    const better = await workshop.write('better.json', JSON.stringify(printedPolicy(outcome)));
    const anchor = ['--trust-anchor-arn', ARNS.anchor];
    expect(await check(better, ...anchor)).toMatchObject({ code: 1 });
    const known = await workshop.write('known.json', JSON.stringify(printedPolicy(await check(sample, ...anchor))));
    expect(await check(known, ...anchor)).toMatchObject({ code: 0, stderr: '' });
  });

  it('shows both sides of each condition, held or failed', async () => {
    const policy = await written('sides.json', {
      ...{ Sid: 'Fleet', Effect: 'Allow', Principal: SERVICE, Action: THREE },
      Condition: {
        StringEquals: {
          'aws:PrincipalTag/x509Subject/CN': 'device-0001',
          'aws:PrincipalTag/x509Subject/OU': 'Servers',
        },
      },
    });
    const { code, stdout } = await check(policy);
    expect(code).toBe(1);
    expect(stdout).toContain('  statement 1 "Fleet" of the trust policy, Allow\n');
    expect(stdout).toContain(
      'held    StringEquals aws:PrincipalTag/x509Subject/CN wanted "device-0001", was "device-0001"',
    );
    expect(stdout).toContain('failed  StringEquals aws:PrincipalTag/x509Subject/OU wanted "Servers", was "Devices"');
  });

  it('names keys that only other actions have', async () => {
    const policy = await written('keys.json', {
      ...{ Effect: 'Allow', Principal: SERVICE, Action: THREE },
      Condition: { StringEquals: { 'aws:RequestTag/x509Subject/CN': 'device-0001' } },
    });
    const { stdout, stderr } = await check(policy);
    expect(stderr).toContain('not allowed: sts:SetSourceIdentity\n');
    expect(stdout).toContain('aws:RequestTag/x509Subject/CN exists for other actions only: give sts:SetSourceIdentity');
  });

  it('names keys whose value it cannot know', async () => {
    const policy = await written('organization.json', {
      ...{ Effect: 'Allow', Principal: SERVICE, Action: THREE },
      Condition: {
        StringEquals: { 'aws:SourceOrgID': 'o-example', 'sts:ExternalId': 'x', 'aws:PrincipalTag/team': 'y' },
      },
    });
    const { stdout } = await check(policy, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      actions: Array.from({ length: 3 }, () => ({ allowed: false, unknownKeys: ['aws:SourceOrgID'] })),
    });
    expect((await check(policy)).stdout).toContain('aws:SourceOrgID was taken as absent');
  });

  it('reads the answer of GetRole, and warns of a policy for everyone', async () => {
    const statement = { Effect: 'Allow', Principal: SERVICE, Action: THREE };
    const role = { Role: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [statement] } } };
    const outcome = await check(await workshop.write('role.json', JSON.stringify(role)));
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain('warning: statement 1: every certificate of every trust anchor of the account');
  });

  it('tests what the session may do, within the session policy of the profile', async () => {
    const trust = await written('open.json', { Effect: 'Allow', Principal: SERVICE, Action: THREE });
    const bucket = 'arn:aws:s3:::uploads';
    const role = await written('put.json', { Effect: 'Allow', Action: 's3:*', Resource: `${bucket}/*` });
    const sessionPolicy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:Get*', Resource: `${bucket}/\${aws:PrincipalTag/x509Subject/CN}/*` }],
    });
    const profile = await workshop.write('narrow.json', JSON.stringify({ profile: { sessionPolicy } }));
    const may = (action: string, key: string, ...args: string[]): Promise<Outcome> =>
      check(trust, '--role-policy', role, '--action', action, '--resource', `${bucket}/${key}`, ...args);
    expect(await may('s3:PutObject', 'a')).toMatchObject({ code: 0 });
    expect(await may('s3:GetObject', 'device-0001/a', '--profile', profile)).toMatchObject({ code: 0 });
    expect(await may('s3:GetObject', 'device-0002/a', '--profile', profile)).toMatchObject({ code: 1 });
    const both = await may('s3:PutObject', 'device-0001/a', '--profile', profile, '--action', 's3:GetObject');
    expect(both.code).toBe(1);
    expect(both.stdout).toMatch(/^s3:PutObject .*: not allowed$[^]*^s3:GetObject .*: allowed$/m);
    const denied = await may('s3:PutObject', 'device-0001/a', '--profile', profile, '--json');
    expect(JSON.parse(denied.stdout)).toMatchObject({
      allowed: false,
      actions: [{}, {}, {}, { action: 's3:PutObject', allowed: false, reason: 'no session policy allows it' }],
    });
  });

  const SECOND = 'arn:aws:iam::444455556666:role/deploy';
  const role = (Arn: string, statement: object, more: object = {}): object => ({
    Role: { Arn, AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [statement] }, ...more },
  });
  const trusted = { Effect: 'Allow', Principal: SERVICE, Action: THREE };
  const saved = (name: string, answer: object): Promise<string> => workshop.write(name, JSON.stringify(answer));
  const next = (Action: string | string[]): object => ({ Effect: 'Allow', Principal: { AWS: ARNS.role }, Action });

  it('tests both sides of a second role, and warns of what chaining adds', async () => {
    const first = await saved('first.json', role(ARNS.role, trusted));
    const second = await saved('second.json', role(SECOND, next('sts:AssumeRole'), { MaxSessionDuration: 43_200 }));
    const outcome = await check(first, '--second-role', second);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('POLICY_DENIES: not allowed: sts:SetSourceIdentity\n');
    expect(outcome.stdout).toContain(`sts:AssumeRole on ${SECOND}: allowed\n`);
    for (const warning of [
      'the trust policy of the second role must allow sts:SetSourceIdentity',
      'sessions of the second role end after 3600 s, although its MaxSessionDuration is 43200',
      'the policies of the first role were not given',
    ])
      expect(outcome.stdout).toContain(`warning: ${warning}`);
    const both = ['sts:AssumeRole', 'sts:SetSourceIdentity'];
    const good = await saved('good-second.json', role(SECOND, next(both)));
    const own = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: SECOND }] };
    const narrow = await check(first, '--second-role', good, '--role-policy', await saved('own.json', own));
    expect(narrow.stderr).toContain('not allowed: sts:SetSourceIdentity\n');
    expect(narrow.stdout).toContain('identity policy: no statement has this action');
    own.Statement[0] = { Effect: 'Allow', Action: 'sts:*', Resource: SECOND };
    const wide = await check(first, '--second-role', good, '--role-policy', await saved('wide.json', own));
    expect(wide).toMatchObject({ code: 0, stderr: '' });
    expect(wide.stdout).not.toContain('warning: the policies of the first role');
  });

  it('takes external id, tags and durations of a second role from the configuration', async () => {
    const chained = await workshop.write(
      'chained.yaml',
      `identity: { certificate: ${certificate}, privateKey: ${path.join(workshop.directory, 'device.key')} }
rolesAnywhere: { trustAnchorArn: "${ARNS.anchor}", profileArn: "${ARNS.profile}" }
roles:
  - roleArn: "${ARNS.role}"
    sessionDuration: 7200
    assume: { roleArn: "${SECOND}", externalId: snowy-lan, tags: { team: a } }
`,
    );
    const first = await saved('first.json', role(ARNS.role, trusted, { MaxSessionDuration: 3600 }));
    const condition = { StringEquals: { 'sts:ExternalId': 'snowy-lan' } };
    const statement = { ...next(['sts:AssumeRole', 'sts:SetSourceIdentity']), Condition: condition };
    const second = await written('second-trust.json', statement);
    const { stdout, stderr } = await run([
      ...['policy', 'test', '--trust-policy', first, '--second-role', second, '--config', chained],
    ]);
    expect(stderr).toContain('not allowed: sts:TagSession, sts:SetSourceIdentity\n');
    expect(stdout).toContain('sts:ExternalId exists for other actions only: give sts:SetSourceIdentity');
    expect(stdout).toContain('warning: sessionDuration 7200 is above the MaxSessionDuration 3600 of the role');
  });

  it('reads policies as the AWS CLI prints them, also those that limit the session', async () => {
    const bucket = { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::uploads/*' };
    const policy = (...statements: object[]): object => ({ Version: '2012-10-17', Statement: statements });
    const managed = (Document: object, IsDefaultVersion = true): object => ({
      PolicyVersion: { Document, VersionId: 'v1', IsDefaultVersion, CreateDate: '2026-01-01T00:00:00Z' },
    });
    const boundaryArn = 'arn:aws:iam::111122223333:policy/limits';
    const first = await saved(
      'bounded.json',
      role(ARNS.role, trusted, { PermissionsBoundary: { PermissionsBoundaryArn: boundaryArn } }),
    );
    const inline = await saved('inline.json', { RoleName: 'device', PolicyName: 'up', PolicyDocument: policy(bucket) });
    const old = await saved('old.json', managed(policy(bucket), false));
    const reading = await saved('reading.json', managed(policy({ ...bucket, Action: 's3:Get*' })));
    const profile = await saved('managed.json', { profile: { managedPolicyArns: [boundaryArn] } });
    const put = ['--action', 's3:PutObject', '--resource', 'arn:aws:s3:::uploads/a', '--profile', profile];
    const may = (...args: string[]): Promise<Outcome> => check(first, ...put, ...args);
    const open = await may('--role-policy', inline, '--role-policy', old);
    expect(open).toMatchObject({ code: 0 });
    expect(open.stdout).toContain('old.json has v1, which is not the default version');
    for (const option of ['--permissions-boundary', '--session-policy']) {
      expect(open.stdout).toContain(
        `was not evaluated: give ${option} the output of \`aws iam get-policy-version --policy-arn ${boundaryArn} `,
      );
      const limited = await may('--role-policy', inline, option, reading);
      expect(limited.stderr).toContain('not allowed: s3:PutObject\n');
    }
  });

  test.each([
    [{ AttachedPolicies: [{ PolicyName: 'a', PolicyArn: 'arn:aws:iam::aws:policy/A' }] }, 'arn:aws:iam::aws:policy/A '],
    [{ Policy: { Arn: 'arn:aws:iam::aws:policy/B', DefaultVersionId: 'v3' } }, 'arn:aws:iam::aws:policy/B '],
    [{ PolicyNames: ['up'] }, 'aws iam get-role-policy'],
    [{ Role: { Arn: ARNS.role } }, 'aws iam list-attached-role-policies'],
    [{ AttachedPolicies: [{ PolicyArn: '$(reboot)' }] }, '--policy-arn POLICY-ARN '],
  ])('says what to run after %j', async (answer, command) => {
    const trust = await written('open.json', trusted);
    const file = await saved('answer.json', answer);
    const { code, stderr } = await check(trust, '--role-policy', file, '--action', 's3:GetObject');
    expect(code).toBe(2);
    expect(stderr).toContain('POLICY_ELSEWHERE');
    expect(stderr).toContain(command);
    expect(stderr).not.toContain('reboot');
  });

  test.each([
    ['no trust policy', ['policy', 'test'], 'POLICY_NOT_NAMED'],
    ['a document that is none', ['policy', 'test', '--trust-policy', '@sides'], 'POLICY_INVALID'],
  ])('rejects %s', async (_what, args, code) => {
    const wrong = await workshop.write('wrong.json', '{"Statement":[{"Effect":"allow"}]}');
    const outcome = await run([...args.map((arg) => (arg === '@sides' ? wrong : arg)), '--certificate', certificate]);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(`imds-anywhere: ${code}: `);
  });
});
