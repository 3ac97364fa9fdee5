import { Argument, Command, Option } from 'commander';
import type { Config } from '../config/config.ts';
import { readEachOnce } from '../files/read-file.ts';
import { systemClock } from '../foundation/clock.ts';
import { messageOf } from '../foundation/errors.ts';
import { printable } from '../foundation/printable.ts';
import type { AccountKnowledge } from '../iam/certificate-report.ts';
import { iamError } from '../iam/iam-errors.ts';
import type { PolicyDocument } from '../iam/policy-document.ts';
import { DEFAULT_PROFILE, profileSettings } from '../iam/profile-json.ts';
import { TRUSTED_KINDS, type TrustedKind } from '../iam/trust-proposal.ts';
import type { Certificate } from '../identity/certificate.ts';
import type { ArnKind } from '../rolesanywhere/arn.ts';
import { writeAnswer, writeReport } from './answer.ts';
import { commandError } from './command-errors.ts';

interface Flags {
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
  readonly action?: string;
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
    .option('--trust-policy <file>', 'trust policy to test, or the output of `aws iam get-role`')
    .option('--role-policy <file>', 'policy of the role to test; repeat for more', collected)
    .option('--action <action>', 'action to test with them, such as s3:PutObject')
    .option('--resource <arn>', 'resource of this action', '*')
    .option('--json', 'print JSON')
    .action(async (action: 'show' | 'test', certificate: string | undefined, flags: Flags) => {
      await { show, test }[action]({ ...flags, ...(certificate === undefined ? {} : { certificate }) });
    });
}

async function show(flags: Flags): Promise<void> {
  const { account, certificate } = await givenTo(flags);
  const [{ certificateReport }, { certificateReportText }] = await Promise.all([
    import('../iam/certificate-report.ts'),
    import('../iam/certificate-report-text.ts'),
  ]);
  const report = certificateReport(certificate, flags.for, account);
  await writeAnswer(flags.json ? json(report) : printable(certificateReportText(report)));
}

/** @throws CodedError POLICY_DENIES after printing why */
async function test(flags: Flags): Promise<void> {
  const { trustPolicy, rolePolicy = [], action, resource } = flags;
  if (trustPolicy === undefined || (action === undefined) !== (rolePolicy.length === 0))
    throw commandError(
      'POLICY_NOT_NAMED',
      'policy test needs --trust-policy, and --role-policy together with --action',
    );
  const [
    { anchorIn, testedTrust, testedPermission },
    { trustWarnings },
    { policyTestText },
    { seenCertificate },
    { proposedTrust },
  ] = await Promise.all([
    import('../iam/policy-test.ts'),
    import('../iam/trust-warnings.ts'),
    import('../iam/policy-test-text.ts'),
    import('../iam/seen-certificate.ts'),
    import('../iam/trust-proposal.ts'),
  ]);
  const { account, certificate } = await givenTo(flags);
  const seen = seenCertificate(certificate, account.profile.mappings);
  const call = { seen, account, now: systemClock.now() };
  const document = await policyIn(trustPolicy, 'trust');
  const trust = testedTrust(document, call);
  const policies = await Promise.all(
    rolePolicy.map(async (file) => ({ name: file, ...(await policyIn(file, 'role')) })),
  );
  const actions = [...trust, ...(action === undefined ? [] : [testedPermission({ policies, action, resource }, call)])];
  const denied = actions.filter(({ allowed }) => !allowed).map((one) => one.action);
  const proposal = (): object | undefined => {
    try {
      return proposedTrust(seen.tags, flags.for, account.trustAnchorArn ?? anchorIn(document)).document;
    } catch {
      return undefined;
    }
  };
  const report = {
    allowed: denied.length === 0,
    actions,
    warnings: [
      ...trustWarnings(document, seen),
      ...seen.untaggable.map(({ key, reason }) => `${key} ${reason}; CreateSession may fail: run policy show`),
      ...account.profile.managedPolicyArns.map((arn) => `${arn} of the profile was not evaluated`),
    ],
    proposal: trust.every(({ allowed }) => allowed) ? undefined : proposal(),
  };
  await writeReport(flags.json ? json(report) : printable(policyTestText(report)));
  if (denied.length > 0) throw iamError('POLICY_DENIES', `not allowed: ${denied.join(', ')}`);
}

function collected(file: string, before: readonly string[] = []): readonly string[] {
  return [...before, file];
}

async function policyIn(file: string, kind: 'trust' | 'role'): Promise<PolicyDocument> {
  const [{ checkedPolicy }, schemas] = await Promise.all([
    import('../iam/policy-json.ts'),
    import('../iam/policy-document.ts'),
  ]);
  const written = await jsonFile(file);
  const { Role } = Object(written) as { readonly Role?: { readonly AssumeRolePolicyDocument?: unknown } };
  const schema = kind === 'trust' ? schemas.trustPolicySchema : schemas.permissionsPolicySchema;
  const checked = checkedPolicy(schema, (kind === 'trust' && Role?.AssumeRolePolicyDocument) || written);
  if ('problem' in checked) throw iamError('POLICY_INVALID', `${file}: ${checked.problem}`);
  return checked.document;
}

function json(value: object): string {
  return `${printable(JSON.stringify(value, undefined, 2), '\\\\')}\n`;
}

interface Given {
  readonly certificate: Certificate;
  readonly account: AccountKnowledge;
}

async function givenTo(flags: Flags): Promise<Given> {
  const config = flags.config === undefined ? undefined : await loaded(flags.config);
  const role = config && (await import('./credential-process.ts')).roleNamed(config, flags.role);
  const named = flags.certificate ?? config?.identity.certificate;
  if (typeof named !== 'string')
    throw commandError('CERTIFICATE_NOT_NAMED', 'no certificate file was given, and no configuration that names one');
  const profile =
    flags.profile === undefined ? DEFAULT_PROFILE : profileSettings(await jsonFile(flags.profile), flags.profile);
  return {
    certificate: await certificateIn(named),
    account: {
      trustAnchorArn: await checkedArn(flags.trustAnchorArn ?? role?.trustAnchorArn, 'trust anchor'),
      profileArn: await checkedArn(flags.profileArn ?? profile.profileArn ?? role?.profileArn, 'profile'),
      roleArn: await checkedArn(flags.roleArn ?? role?.roleArn, 'role'),
      roleSessionName: role?.roleSessionName,
      profile,
    },
  };
}

/** It becomes part of command lines. */
async function checkedArn(text: string | undefined, kind: ArnKind): Promise<string | undefined> {
  if (text !== undefined) (await import('../rolesanywhere/arn.ts')).parseArn(text, kind);
  return text;
}

async function loaded(file: string): Promise<Config> {
  return (await import('../config/load-config.ts')).loadConfig(file);
}

/** The first one that is no CA, without asking for its key. */
async function certificateIn(file: string): Promise<Certificate> {
  const [{ readIdentityContent }, { readCertificate }, { identityError }] = await Promise.all([
    import('../identity/identity-content.ts'),
    import('../identity/certificate.ts'),
    import('../identity/identity-errors.ts'),
  ]);
  const { certificates } = await readIdentityContent(await readEachOnce()(file), undefined);
  const read = certificates.map(readCertificate);
  const certificate = read.find(({ isCa }) => isCa !== true) ?? read[0];
  if (!certificate) throw identityError('NO_CERTIFICATE', `${file} has no certificate`);
  return certificate;
}

async function jsonFile(file: string): Promise<unknown> {
  const { content } = await readEachOnce()(file);
  try {
    return JSON.parse(content.toString('utf8'));
  } catch (error) {
    throw commandError('NOT_JSON', `${file}: ${messageOf(error)}`, error);
  }
}
