import type { Certificate } from '../identity/certificate.ts';
import {
  correctedMappings,
  type KnownArns,
  lastPart,
  mappedProfile,
  mappingCommands,
  profileCommands,
  roleCommands,
} from './aws-commands.ts';
import type { ProfileSettings } from './profile-json.ts';
import { seenCertificate } from './seen-certificate.ts';
import { proposedTrust, type TrustedKind, type TrustProposal } from './trust-proposal.ts';

/** What is known of the account that the certificate is for. */
export interface AccountKnowledge extends KnownArns {
  /** That the configuration asks for. */
  readonly roleSessionName: string | undefined;
  readonly profile: ProfileSettings;
}

/** The JSON of `policy show`. */
export interface CertificateReport extends Readonly<Omit<ReturnType<typeof seenCertificate>, 'tags' | 'sessionName'>> {
  readonly tags: Readonly<Record<string, string>>;
  /** Without and with `acceptRoleSessionName` of the profile. */
  readonly sessions: readonly NamedSession[];
  readonly trust: TrustProposal & { readonly for: TrustedKind };
  readonly commands: Readonly<Record<'mapping' | 'role' | 'profile', readonly string[]>>;
}

interface NamedSession {
  readonly acceptRoleSessionName: boolean;
  readonly roleSessionName: string;
  readonly assumedRoleArn: string;
}

/** @throws CodedError NOTHING_TO_TRUST */
export function certificateReport(
  certificate: Certificate,
  kind: TrustedKind,
  account: AccountKnowledge,
): CertificateReport {
  const { mappings } = account.profile;
  const { tags, sessionName, ...seen } = seenCertificate(certificate, mappings);
  const sessionOf = (acceptRoleSessionName: boolean, roleSessionName: string): NamedSession => ({
    acceptRoleSessionName,
    roleSessionName,
    assumedRoleArn: assumedRoleArn(account.roleArn, roleSessionName),
  });
  return {
    ...seen,
    notes: [...seen.notes, ...placeholderNote(account)],
    tags: Object.fromEntries(tags),
    sessions: [sessionOf(false, sessionName), sessionOf(true, account.roleSessionName ?? 'NAME')],
    trust: { for: kind, ...proposedTrust(tags, kind, account.trustAnchorArn) },
    commands: {
      mapping: mappingCommands(
        mappings,
        correctedMappings(seen.untaggable, [...tags.keys()], mappings),
        mappedProfile(account.profileArn),
      ),
      role: roleCommands(account),
      profile: profileCommands(account),
    },
  };
}

function placeholderNote({ trustAnchorArn, profileArn, roleArn }: KnownArns): string[] {
  if (trustAnchorArn !== undefined && profileArn !== undefined && roleArn !== undefined) return [];
  return [
    'Words in capitals, such as ACCOUNT, are for you to replace. Or set --config, or --trust-anchor-arn, --profile-arn and --role-arn.',
  ];
}

/** Without the path of the role. */
export function assumedRoleArn(roleArn = 'arn:aws:iam::ACCOUNT:role/ROLE', sessionName: string): string {
  const [, partition = '', , , accountId = ''] = roleArn.split(':');
  return `arn:${partition}:sts::${accountId}:assumed-role/${lastPart(roleArn)}/${sessionName}`;
}
