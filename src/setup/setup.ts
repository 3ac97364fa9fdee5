// What an account and its machines need, as plain data. Each form (CloudFormation, Terraform, AWS CLI, the
// account of the emulator) is made from it, so that they cannot differ.
import { correctedMappings } from '../iam/aws-commands.ts';
import { seenCertificate } from '../iam/seen-certificate.ts';
import { type AttributeMappings, DEFAULT_MAPPINGS, isTagValue } from '../iam/session-tags.ts';
import { proposedTrust, type TrustedKind, trustIn, type TrustProposal } from '../iam/trust-proposal.ts';
import type { Certificate } from '../identity/certificate.ts';
import type { NameAttribute } from '../identity/distinguished-name.ts';
import { setupError } from './setup-errors.ts';

export const AUTHORITIES = ['new', 'bundle', 'step-ca', 'vault', 'acm-pca'] as const;
export type AuthorityKind = (typeof AUTHORITIES)[number];

export const PLACES = ['systemd', 'kubernetes', 'container', 'ci'] as const;
export type Place = (typeof PLACES)[number];

/** Known only after the resources were created. `check-config` rejects them. */
export const UNKNOWN_ARNS = {
  trustAnchorArn: 'TRUST-ANCHOR-ARN',
  profileArn: 'PROFILE-ARN',
  roleArn: 'ROLE-ARN',
} as const;

export type Arns = Readonly<Record<keyof typeof UNKNOWN_ARNS, string>>;

export interface Setup {
  /** Of trust anchor, profile and stack. */
  readonly name: string;
  readonly region: string;
  readonly authority: {
    readonly kind: AuthorityKind;
    /** PEM; absent if the recipe of the CA makes it. */
    readonly certificates?: string;
    readonly acmPcaArn?: string;
    /** PEM. */
    readonly revocationList?: string;
  };
  /** With TRUST-ANCHOR-ARN in the document. */
  readonly trust: TrustProposal;
  readonly role: {
    readonly name: string;
    readonly maxSessionDuration: number;
    /** Inline policy. */
    readonly permissions?: object;
    readonly managedPolicyArns: readonly string[];
  };
  readonly profile: {
    readonly durationSeconds: number;
    /** Absent: the default of the service. */
    readonly mappings?: AttributeMappings;
  };
  readonly runsOn: Place;
  /** Of each machine; `*` stands for what differs. For the recipe of the CA. */
  readonly subject: readonly NameAttribute[];
}

/** What the user decided. */
export interface Answers {
  readonly ca: AuthorityKind;
  readonly name: string;
  readonly region: string;
  readonly role: string;
  readonly duration: number;
  readonly managedPolicy: readonly string[];
  readonly runsOn: Place;
  readonly for: TrustedKind;
  readonly acmPcaArn?: string | undefined;
}

/** The content of the files that the answers name. */
export interface Material {
  readonly certificates?: string | undefined;
  readonly revocationList?: string | undefined;
  readonly permissions?: object | undefined;
  /** Of one machine. */
  readonly certificate?: Certificate | undefined;
  readonly subject?: readonly NameAttribute[] | undefined;
}

/** @throws CodedError SETUP_ANSWER_MISSING, SETUP_ANSWER_WRONG, NOTHING_TO_TRUST */
export function setupOf(answers: Answers, material: Material): Setup {
  const { name, region, ca, acmPcaArn, role, duration, managedPolicy, runsOn } = answers;
  const { certificates, revocationList, permissions, certificate } = material;
  const seen = certificate && seenCertificate(certificate, DEFAULT_MAPPINGS);
  const trust = trustOf(answers, material, seen?.tags);
  const mappings =
    seen && seen.untaggable.length > 0
      ? correctedMappings(seen.untaggable, [...seen.tags.keys()], DEFAULT_MAPPINGS)
      : undefined;
  return {
    name,
    region,
    authority: {
      kind: ca,
      ...(certificates !== undefined && { certificates }),
      ...(acmPcaArn !== undefined && { acmPcaArn }),
      ...(revocationList !== undefined && { revocationList }),
    },
    trust,
    role: {
      name: role,
      // The service refuses a session that is longer than the role allows.
      maxSessionDuration: Math.max(3_600, duration),
      ...(permissions && { permissions }),
      managedPolicyArns: managedPolicy,
    },
    profile: { durationSeconds: duration, ...(mappings && { mappings }) },
    runsOn,
    subject: material.subject ?? certificate?.subject ?? [],
  };
}

function trustOf(
  { ca, name, for: kind }: Answers,
  { subject, certificate }: Material,
  tags: ReadonlyMap<string, string> | undefined,
): TrustProposal {
  const anchor = UNKNOWN_ARNS.trustAnchorArn;
  if (!subject && tags) return proposedTrust(tags, kind, anchor);
  if (!subject)
    throw setupError(
      'SETUP_ANSWER_MISSING',
      'nothing tells your machines from others: set --certificate to the certificate of one, or --subject',
    );
  const odd = subject.find(({ value }) => !isTagValue(value.replaceAll('*', '')));
  // In the trust policy, `${...}` would even be a variable that is true for every certificate.
  if (odd) throw setupError('SETUP_ANSWER_WRONG', `--subject: no session tag can have ${JSON.stringify(odd.value)}`);
  const issuer = tags?.get('x509Issuer/CN') ?? (certificate ? undefined : issuerName(ca, name));
  const types = [...new Set(subject.map(({ type }) => type))];
  return trustIn(
    [
      ...types.map((type): [string, string] => [
        `x509Subject/${type}`,
        // The service joins repeated attributes in the same way.
        subject.flatMap((attribute) => (attribute.type === type ? [attribute.value] : [])).join('/'),
      ]),
      ...(issuer === undefined ? [] : ([['x509Issuer/CN', issuer]] as const)),
    ],
    anchor,
  );
}

/** The CN of the CA that issues the certificates, if this program or its recipe names that CA. */
export function issuerName(ca: AuthorityKind, name: string): string | undefined {
  switch (ca) {
    case 'new':
    case 'vault':
      return `${name} CA`;
    case 'step-ca':
      return `${name} Intermediate CA`;
    case 'bundle':
    case 'acm-pca':
      return undefined;
  }
}
