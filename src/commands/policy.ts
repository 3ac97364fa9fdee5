import { isDeepStrictEqual } from 'node:util';
import { Argument, Command, Option } from 'commander';
import type { Config, IdentityConfig, RoleConfig } from '../config/config.ts';
import { systemClock } from '../foundation/clock.ts';
import { printable } from '../foundation/printable.ts';
import type { AccountKnowledge } from '../iam/certificate-report.ts';
import type { Policy } from '../iam/evaluate.ts';
import { iamError } from '../iam/iam-errors.ts';
import type { PolicyTest } from '../iam/policy-test-report.ts';
import { DEFAULT_PROFILE, profileSettings } from '../iam/profile-json.ts';
import { TRUSTED_KINDS, type TrustedKind } from '../iam/trust-proposal.ts';
import type { Certificate } from '../identity/certificate.ts';
import type { ArnKind } from '../rolesanywhere/arn.ts';
import { jsonText, writeAnswer, writeReport } from './answer.ts';
import { commandError } from './command-errors.ts';
import { certificateIn, jsonFile, lockOf, type PassphraseFlags } from './given-files.ts';
import { collected } from './option-values.ts';

interface Flags extends PassphraseFlags {
  readonly certificate?: string;
  readonly config?: string;
  readonly role?: string;
  readonly trustAnchorArn?: string;
  readonly profileArn?: string;
  readonly roleArn?: string;
  readonly profile?: string;
  readonly for: TrustedKind;
  readonly trustPolicy?: string;
  readonly rolePolicy?: readonly string[];
  readonly sessionPolicy?: readonly string[];
  readonly permissionsBoundary?: string;
  readonly secondRole?: string;
  readonly action?: readonly string[];
  readonly resource: string;
  readonly json?: boolean;
}

export function policyCommand(): Command {
  return new Command('policy')
    .description('show what IAM sees of a certificate and a trust policy that fits it, or test policies with it')
    .addArgument(new Argument('<action>', 'what to do').choices(['show', 'test']))
    .argument('[certificate]', 'certificate file, without a key (default: the one of --config)')
    .option('-c, --config <file>', 'configuration with the ARNs of trust anchor, profile and role')
    .option('--role <name>', 'role in the configuration (default: the only one)')
    .option('--trust-anchor-arn <arn>', 'trust anchor, instead of that of the configuration')
    .option('--profile-arn <arn>', 'profile, instead of that of the configuration')
    .option('--role-arn <arn>', 'role, instead of that of the configuration')
    .option('--profile <file>', 'output of `aws rolesanywhere get-profile` (default: the default mappings)')
    .addOption(
      new Option('--for <kind>', 'which certificates the trust policy accepts')
        .choices(TRUSTED_KINDS)
        .default('certificate'),
    )
    .option('--certificate <file>', 'the same as the argument')
    .option('--passphrase-file <file>', 'file with the passphrase of a PKCS#12 certificate')
    .option('--passphrase-env <variable>', 'environment variable with the passphrase of a PKCS#12 certificate')
    .option('--trust-policy <file>', 'trust policy to test, or the output of `aws iam get-role`')
    .option('--role-policy <file>', 'policy of the role, also as the AWS CLI prints one; repeat for more', collected)
    .option('--session-policy <file>', 'managed policy of the profile; repeat for more', collected)
    .option('--permissions-boundary <file>', 'permissions boundary of the role')
    .option('--second-role <file>', 'trust policy of a role to assume next, or the output of `aws iam get-role`')
    .option('--action <action>', 'action to test with them, such as s3:PutObject; repeat for more', collected)
    .option('--resource <arn>', 'resource of this action', '*')
    .option('--json', 'print JSON')
    .action(async (action: 'show' | 'test', certificate: string | undefined, flags: Flags) => {
      await { show, test }[action]({ ...flags, ...(certificate === undefined ? {} : { certificate }) });
    });
}

async function show(flags: Flags): Promise<void> {
  const { account, certificate } = await givenTo(flags);
  const [{ certificateReport }, { certificateReportText }, { signingFault }] = await Promise.all([
    import('../iam/certificate-report.ts'),
    import('../iam/certificate-report-text.ts'),
    import('../identity/signing-certificate.ts'),
  ]);
  const fault = signingFault(certificate, systemClock.now());
  const refusal = fault ? [`${fault.code}: ${fault.message}. ${fault.remedy}`] : [];
  const made = certificateReport(certificate, flags.for, account);
  const report = { ...made, notes: [...refusal, ...made.notes] };
  await writeAnswer(flags.json ? jsonText(report) : printable(certificateReportText(report)));
}

/** @throws CodedError POLICY_DENIES after printing why */
async function test(flags: Flags): Promise<void> {
  const { trustPolicy, rolePolicy = [], action = [], secondRole } = flags;
  const isAsked = action.length > 0 || secondRole !== undefined;
  if (
    trustPolicy === undefined ||
    (action.length > 0 && rolePolicy.length === 0) ||
    (rolePolicy.length > 0 && !isAsked)
  )
    throw commandError(
      'POLICY_NOT_NAMED',
      'policy test needs --trust-policy, --role-policy for --action, and --action or --second-role for --role-policy',
    );
  const [{ policyTestReport }, { policyTestText }] = await Promise.all([
    import('../iam/policy-test-report.ts'),
    import('../iam/policy-test-text.ts'),
  ]);
  const given = await testedIn({ ...flags, trustPolicy });
  const report = policyTestReport(given.test);
  const warnings = [...report.warnings, ...given.warnings];
  await writeReport(
    flags.json ? jsonText({ ...report, warnings }) : printable(policyTestText({ ...report, warnings })),
  );
  const denied = report.actions.filter(({ allowed }) => !allowed).map((one) => one.action);
  if (denied.length > 0) throw iamError('POLICY_DENIES', `not allowed: ${denied.join(', ')}`);
}

/** What the files and the configuration say. */
async function testedIn(
  flags: Flags & { readonly trustPolicy: string },
): Promise<{ readonly test: PolicyTest; readonly warnings: readonly string[] }> {
  const [{ pastedPolicy, pastedPolicyWarnings, pastedRole }, { seenCertificate }] = await Promise.all([
    import('../iam/pasted-policy.ts'),
    import('../iam/seen-certificate.ts'),
  ]);
  const warnings: string[] = [];
  const policiesIn = (files: readonly string[] = []): Promise<Policy[]> =>
    Promise.all(
      files.map(async (file) => {
        const written = await jsonFile(file);
        warnings.push(...pastedPolicyWarnings(written, file));
        return pastedPolicy(written, file);
      }),
    );
  const { account, certificate, role: configured } = await givenTo(flags);
  const trust = await trustPolicyIn(flags.trustPolicy, account.trustAnchorArn);
  warnings.push(...trust.warnings);
  const role = pastedRole(trust.written, flags.trustPolicy);
  const roleArn = account.roleArn ?? (await checkedArn(role.arn, 'role'));
  const second = flags.secondRole === undefined ? undefined : await secondIn(flags.secondRole, configured, roleArn);
  const boundary = flags.permissionsBoundary === undefined ? [] : [flags.permissionsBoundary];
  const { action: actions = [], resource } = flags;
  const test = {
    ...{ role, second, kind: flags.for, now: systemClock.now(), account: { ...account, roleArn } },
    seen: seenCertificate(certificate, account.profile.mappings),
    sessionDuration: configured?.sessionDuration,
    policies: await policiesIn(flags.rolePolicy),
    boundary: (await policiesIn(boundary))[0],
    sessionPolicies: await policiesIn(flags.sessionPolicy),
    permissions: actions.map((action) => ({ action, resource })),
  };
  return { test, warnings };
}

/** A trust policy of `init` names its trust anchor only after the resources were created. */
async function trustPolicyIn(
  file: string,
  trustAnchorArn: string | undefined,
): Promise<{ readonly written: unknown; readonly warnings: readonly string[] }> {
  const [{ UNKNOWN_ARNS }, { withAnchor }, { ANCHOR_PLACEHOLDER }] = await Promise.all([
    import('../setup/setup.ts'),
    import('../setup/resources.ts'),
    import('../iam/trust-proposal.ts'),
  ]);
  const written = await jsonFile(file);
  const filled = withAnchor(written, trustAnchorArn ?? ANCHOR_PLACEHOLDER);
  if (isDeepStrictEqual(filled, written)) return { written, warnings: [] };
  const fill = `sed "s|${UNKNOWN_ARNS.trustAnchorArn}|$ARN|" ${file}`;
  const warning = `${file} has ${UNKNOWN_ARNS.trustAnchorArn} where create.sh writes the trust anchor: tested as if it were written; \`${fill}\` writes it`;
  return { written: filled, warnings: [warning] };
}

/** @throws CodedError POLICY_NOT_NAMED if the ARNs of both roles are not known. */
async function secondIn(
  file: string,
  configured: RoleConfig | undefined,
  firstArn: string | undefined,
): Promise<PolicyTest['second']> {
  const { pastedRole } = await import('../iam/pasted-policy.ts');
  const { arn, ...role } = pastedRole(await jsonFile(file), file);
  const { assume } = configured ?? {};
  const roleArn = await checkedArn(arn ?? assume?.roleArn, 'role');
  if (roleArn === undefined || firstArn === undefined)
    throw commandError(
      'POLICY_NOT_NAMED',
      '--second-role needs the ARNs of both roles: give the output of `aws iam get-role` for each, or --config',
    );
  return {
    ...role,
    roleArn,
    roleSessionName: assume?.roleSessionName,
    externalId: assume?.externalId,
    tags: new Map(Object.entries(assume?.tags ?? {})),
    transitiveTagKeys: assume?.transitiveTagKeys ?? [],
  };
}

interface Given {
  /** In the configuration. */
  readonly role: RoleConfig | undefined;
  readonly certificate: Certificate;
  readonly account: AccountKnowledge;
}

async function givenTo(flags: Flags): Promise<Given> {
  const config = flags.config === undefined ? undefined : await loaded(flags.config);
  const role = config && (await import('./configured-session.ts')).roleNamed(config, flags.role);
  const profile =
    flags.profile === undefined ? DEFAULT_PROFILE : profileSettings(await jsonFile(flags.profile), flags.profile);
  return {
    role,
    certificate: await certificateOf(flags, config?.identity),
    account: {
      trustAnchorArn: await checkedArn(flags.trustAnchorArn ?? role?.trustAnchorArn, 'trust anchor'),
      profileArn: await checkedArn(flags.profileArn ?? profile.profileArn ?? role?.profileArn, 'profile'),
      roleArn: await checkedArn(flags.roleArn ?? role?.roleArn, 'role'),
      roleSessionName: role?.roleSessionName,
      profile,
    },
  };
}

async function certificateOf(flags: Flags, identity: IdentityConfig | undefined): Promise<Certificate> {
  const { certificate: file } = flags;
  if (file !== undefined) return certificateIn(file, lockOf(flags));
  if (typeof identity?.certificate === 'string') return certificateIn(identity.certificate, identity);
  if (identity) return certificateBySigning(identity);
  throw commandError('CERTIFICATE_NOT_NAMED', 'no certificate file was given, and no configuration that names one');
}

/** Of a token or an agent, which may ask for its PIN. */
async function certificateBySigning(config: IdentityConfig): Promise<Certificate> {
  const [{ provenBySigning }, { readCertificate }] = await Promise.all([
    import('../doctor/config-checks.ts'),
    import('../identity/certificate.ts'),
  ]);
  const { identity, findings } = await provenBySigning(config, process.env);
  if (identity) return readCertificate(identity.certificate);
  throw findings[0]?.error ?? commandError('CERTIFICATE_NOT_NAMED', 'the configuration leads to no certificate');
}

/** It becomes part of command lines. */
async function checkedArn(text: string | undefined, kind: ArnKind): Promise<string | undefined> {
  if (text !== undefined) (await import('../rolesanywhere/arn.ts')).parseArn(text, kind);
  return text;
}

async function loaded(file: string): Promise<Config> {
  return (await import('../config/load-config.ts')).loadConfig(file);
}
