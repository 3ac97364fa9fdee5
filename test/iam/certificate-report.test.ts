import * as v from 'valibot';
import { expect, it, onTestFinished, test } from 'vitest';
import { type CertificateReport, certificateReport } from '../../src/iam/certificate-report.ts';
import { trustPolicySchema } from '../../src/iam/policy-document.ts';
import { DEFAULT_PROFILE } from '../../src/iam/profile-json.ts';
import { type AttributeMappings, DEFAULT_MAPPINGS } from '../../src/iam/session-tags.ts';
import type { TrustedKind } from '../../src/iam/trust-proposal.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import { ANCHOR_ARN, Emulated, PROFILE_ARN, ROLE_ARN } from '../emulator/support/emulated.ts';
import { type LeafOptions, makeAuthority } from '../support/pki.ts';

const ARNS = { trustAnchorArn: ANCHOR_ARN, profileArn: PROFILE_ARN, roleArn: ROLE_ARN };

/** All authorities of these tests have the same name, so a report fits the certificates of each. */
async function reportOn(issue: LeafOptions, kind: TrustedKind = 'certificate'): Promise<CertificateReport> {
  const { certificateDer } = await (await makeAuthority()).issue(issue);
  const account = { ...ARNS, roleSessionName: undefined, profile: DEFAULT_PROFILE };
  return certificateReport(readCertificate(certificateDer), kind, account);
}

/** An account whose role has the trust policy of the report. */
async function trusting(
  { trust }: CertificateReport,
  attributeMappings: AttributeMappings = DEFAULT_MAPPINGS,
): Promise<Emulated> {
  const trustPolicy = v.parse(trustPolicySchema, trust.document);
  const emulated = await Emulated.start({ role: { trustPolicy }, profile: { attributeMappings } });
  onTestFinished(() => emulated.stop());
  return emulated;
}

const DEVICE = { subject: 'CN=device-0001,OU=Devices,O=Example', serial: '5a01' };

async function statusOf(emulated: Emulated, issue: LeafOptions): Promise<number> {
  return (await emulated.createSession({ device: await emulated.issue(issue) })).status;
}

it.each<[TrustedKind, LeafOptions, LeafOptions, LeafOptions]>([
  ['certificate', DEVICE, DEVICE, { subject: 'CN=device-0002,OU=Devices,O=Example' }],
  ['subject-cn', DEVICE, { subject: 'CN=device-0001,O=Other' }, { subject: 'CN=device-0002,OU=Devices,O=Example' }],
  ['subject-ou', DEVICE, { subject: 'CN=other,OU=Devices' }, { subject: 'CN=device-0001,OU=Servers,O=Example' }],
  ['subject-o', DEVICE, { subject: 'CN=other,O=Example' }, { subject: 'CN=device-0001,OU=Devices,O=Other' }],
  [
    'san',
    { alternativeNames: [{ type: 'url', value: 'spiffe://example/a' }] },
    { subject: 'CN=other', alternativeNames: [{ type: 'url', value: 'spiffe://example/a' }] },
    { alternativeNames: [{ type: 'url', value: 'spiffe://example/b' }] },
  ],
  // Without a CN, the alternative name tells it from others.
  [
    'certificate',
    { subject: 'O=Example', alternativeNames: [{ type: 'dns', value: 'a.example' }] },
    { subject: 'O=Other', alternativeNames: [{ type: 'dns', value: 'a.example' }] },
    { subject: 'O=Example', alternativeNames: [{ type: 'dns', value: 'b.example' }] },
  ],
  ['certificate', { subject: 'O=Example,OU=One' }, { subject: 'O=Example,OU=One' }, { subject: 'O=Example,OU=Two' }],
])('the policy for %s %j accepts %j and not %j', async (kind, own, other, stranger) => {
  const report = await reportOn(own, kind);
  const emulated = await trusting(report);
  expect(await statusOf(emulated, own)).toBe(201);
  expect(await statusOf(emulated, other)).toBe(201);
  expect(await statusOf(emulated, stranger)).toBe(403);
  expect(report.trust.isWide).toBe(false);
});

test('a policy for all certificates of an issuer says so', async () => {
  const report = await reportOn(DEVICE, 'issuer');
  const emulated = await trusting(report);
  expect(await statusOf(emulated, { subject: 'CN=any' })).toBe(201);
  expect(report.trust).toMatchObject({
    isWide: true,
    accepts: expect.stringContaining('every certificate of the trust anchor') as string,
  });
});

const ODD = {
  subject: 'CN=device-0001,O=Example (Test)',
  alternativeNames: [
    { type: 'dns', value: '*.example' },
    { type: 'dns', value: 'device.example' },
    { type: 'email', value: 'a@example' },
  ],
} as const;

/** What the service has after these command lines. */
function appliedTo(mappings: AttributeMappings, commands: readonly string[]): AttributeMappings {
  return commands.reduce((before, line) => {
    const [, action, field, rules = ''] =
      /^aws rolesanywhere (delete|put)-attribute-mapping .* --certificate-field (\S+) --\S+ (.*)$/.exec(line) ?? [];
    const named = rules.split(' ').map((rule) => rule.replaceAll("'", '').replace('specifier=', ''));
    const own = before[field as keyof AttributeMappings];
    const after = action === 'put' ? named : own.filter((one) => !named.includes(one));
    return { ...before, [field ?? '']: after };
  }, mappings);
}

test('the mapping commands make CreateSession possible for attributes that cannot be tags', async () => {
  const report = await reportOn(ODD);
  const before = await trusting(report);
  const refused = await before.createSession({ device: await before.issue(ODD) });
  expect(refused).toMatchObject({ status: 403, body: expect.stringContaining('DNS/2') as string });
  const after = await trusting(report, appliedTo(DEFAULT_MAPPINGS, report.commands.mapping));
  expect(await statusOf(after, ODD)).toBe(201);
  expect(await statusOf(after, { ...ODD, subject: 'CN=device-0002,O=Example (Test)' })).toBe(403);
});

test('the report names what is no tag, and why', async () => {
  const report = await reportOn(ODD);
  expect(report.untaggable.map(({ key, reason }) => `${key} ${reason}`)).toEqual([
    'x509Subject/O has "(" ")", which no session tag can have',
    'x509SAN/DNS has "*", which no session tag can have',
  ]);
  expect(report.notes).toEqual([
    'The alternative name DNS device.example is no tag: only the first DNS is.',
    'The alternative name email a@example is never a tag.',
  ]);
  expect(report.tags).toMatchObject({ 'x509Subject/CN': 'device-0001' });
});

test('the report has the identity and both names of a session, as the emulator gives them', async () => {
  const report = await reportOn(DEVICE);
  const emulated = await trusting(report);
  const { body } = await emulated.createSession({ device: await emulated.issue(DEVICE) });
  const [off, on] = report.sessions;
  expect(JSON.parse(body)).toMatchObject({
    credentialSet: [{ sourceIdentity: report.sourceIdentity, assumedRoleUser: { arn: off?.assumedRoleArn } }],
  });
  expect(on).toEqual({
    acceptRoleSessionName: true,
    roleSessionName: 'NAME',
    assumedRoleArn: 'arn:aws:sts::111122223333:assumed-role/device/NAME',
  });
});

test('several values and much text are noted', async () => {
  const report = await reportOn({ subject: `CN=x,OU=Security,OU=Research,O=${'o'.repeat(64)},L=${'l'.repeat(128)}` });
  expect(report.notes[0]).toContain('x509Subject/OU joins 2 values with "/"');
  expect(report.packedPercent).toBeGreaterThan(60);
});

test('a certificate without a fitting tag is rejected by name', async () => {
  await expect(reportOn(DEVICE, 'san')).rejects.toMatchObject({ code: 'NOTHING_TO_TRUST' });
});
