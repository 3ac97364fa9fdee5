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
