import type { AttributeMappings } from '../iam/session-tags.ts';
import { type Setup, UNKNOWN_ARNS } from './setup.ts';

type ResourceId = 'TrustAnchor' | 'Role' | 'Profile';

/** A resource in the terms of CloudFormation. */
export interface Resource {
  readonly id: ResourceId;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** How a format writes what is no plain value. */
export interface Format {
  readonly arnOf: (id: ResourceId) => unknown;
  /** PEM of the CA. */
  readonly certificates: unknown;
  /** A policy. */
  readonly document: (policy: unknown) => unknown;
}

/** In the order of creation. */
export function resources(setup: Setup, format: Format): readonly Resource[] {
  const { name, authority, profile } = setup;
  return [
    {
      id: 'TrustAnchor',
      type: 'AWS::RolesAnywhere::TrustAnchor',
      properties: {
        Name: name,
        Enabled: true,
        Source:
          authority.acmPcaArn === undefined
            ? { SourceType: 'CERTIFICATE_BUNDLE', SourceData: { X509CertificateData: format.certificates } }
            : { SourceType: 'AWS_ACM_PCA', SourceData: { AcmPcaArn: authority.acmPcaArn } },
      },
    },
    { id: 'Role', type: 'AWS::IAM::Role', properties: roleProperties(setup, format) },
    {
      id: 'Profile',
      type: 'AWS::RolesAnywhere::Profile',
      properties: {
        Name: name,
        Enabled: true,
        DurationSeconds: profile.durationSeconds,
        RoleArns: [format.arnOf('Role')],
        ...(profile.mappings && { AttributeMappings: mappingProperties(profile.mappings) }),
      },
    },
  ];
}

function roleProperties({ role, trust }: Setup, format: Format): Resource['properties'] {
  const { permissions, managedPolicyArns } = role;
  return {
    RoleName: role.name,
    MaxSessionDuration: role.maxSessionDuration,
    AssumeRolePolicyDocument: format.document(withAnchor(trust.document, format.arnOf('TrustAnchor'))),
    ...(permissions && { Policies: [{ PolicyName: role.name, PolicyDocument: format.document(permissions) }] }),
    ...(managedPolicyArns.length > 0 && { ManagedPolicyArns: managedPolicyArns }),
  };
}

/** The document with the trust anchor in place of its placeholder. */
export function withAnchor(value: unknown, anchor: unknown): unknown {
  if (value === UNKNOWN_ARNS.trustAnchorArn) return anchor;
  if (Array.isArray(value)) return value.map((item) => withAnchor(item, anchor));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withAnchor(item, anchor)]));
}

function mappingProperties(mappings: AttributeMappings): unknown[] {
  return Object.entries(mappings)
    .filter(([, rules]: [string, readonly string[]]) => rules.length > 0)
    .map(([field, rules]: [string, readonly string[]]) => ({
      CertificateField: field,
      MappingRules: rules.map((rule) => ({ Specifier: rule })),
    }));
}
