import { Argument, Command, Option } from 'commander';
import type { Config } from '../config/config.ts';
import { readEachOnce } from '../files/read-file.ts';
import { messageOf } from '../foundation/errors.ts';
import { printable } from '../foundation/printable.ts';
import type { AccountKnowledge } from '../iam/certificate-report.ts';
import { DEFAULT_PROFILE, profileSettings } from '../iam/profile-json.ts';
import { TRUSTED_KINDS, type TrustedKind } from '../iam/trust-proposal.ts';
import type { Certificate } from '../identity/certificate.ts';
import type { ArnKind } from '../rolesanywhere/arn.ts';
import { writeAnswer } from './answer.ts';
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
  readonly json?: boolean;
}

export function policyCommand(): Command {
  return new Command('policy')
    .description('show what IAM sees of a certificate, and a trust policy that fits it')
    .addArgument(new Argument('<action>', 'what to do').choices(['show']))
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
    .option('--json', 'print JSON')
    .action(async (_action: string, certificate: string | undefined, flags: Flags) => {
      await show({ ...flags, ...(certificate === undefined ? {} : { certificate }) });
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
