// For the provider awscc, whose resources are those of CloudFormation in snake case. The provider aws has no
// attribute mappings.
import { type Format, type Resource, resources } from './resources.ts';
import type { Setup } from './setup.ts';

/** HCL that is no string. */
class Expression {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function terraform(setup: Setup): string {
  const format: Format = {
    arnOf: (id) => new Expression(`${TYPES[id]}.this.${id === 'Role' ? 'arn' : `${snakeCase(id)}_arn`}`),
    certificates: new Expression('file("${path.module}/trust-anchor.pem")'),
    document: (policy) => new Expression(`jsonencode(${hcl(policy, '  ')})`),
  };
  const arns = (['TrustAnchor', 'Profile', 'Role'] as const).map((id) => format.arnOf(id));
  return `terraform {
  required_providers {
    awscc = {
      source = "hashicorp/awscc"
    }
  }
}

provider "awscc" {
  region = ${hcl(setup.region)}
}

${resources(setup, format).map(resourceText).join('\n')}
# For set-arns.sh.
output "arns" {
  value = join(" ", ${hcl(arns, '  ')})
}
`;
}

const TYPES: Readonly<Record<Resource['id'], string>> = {
  TrustAnchor: 'awscc_rolesanywhere_trust_anchor',
  Role: 'awscc_iam_role',
  Profile: 'awscc_rolesanywhere_profile',
};

function resourceText({ id, properties }: Resource): string {
  const lines = Object.entries(properties).map(
    ([key, value]) => `  ${snakeCase(key)} = ${hcl(snakeKeys(value), '  ')}\n`,
  );
  return `resource "${TYPES[id]}" "this" {\n${lines.join('')}}\n`;
}

function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (typeof value !== 'object' || value === null || value instanceof Expression) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [snakeCase(key), snakeKeys(item)]));
}

/** As the provider does it: X509CertificateData becomes x509_certificate_data. */
function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, '_$&').toLowerCase();
}

function hcl(value: unknown, indent = ''): string {
  const inner = `${indent}  `;
  if (value instanceof Expression) return value.text;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => `${inner}${hcl(item, inner)},\n`).join('')}${indent}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const lines = Object.entries(value).map(([key, item]) => {
      const name = /^[A-Za-z_]\w*$/.test(key) ? key : quotedText(key);
      return `${inner}${name} = ${hcl(item, inner)}\n`;
    });
    return lines.length === 0 ? '{}' : `{\n${lines.join('')}${indent}}`;
  }
  return typeof value === 'string' ? quotedText(value) : JSON.stringify(value);
}

/** `${` and `%{` begin templates, such as variables of policies would. HCL has no \b and no \f. */
function quotedText(text: string): string {
  return JSON.stringify(text)
    .replaceAll(/[$%](?=\{)/g, '$&$&')
    .replaceAll(/(?<=(?:^|[^\\])(?:\\\\)*)\\[bf]/g, (escape) => (escape === '\\b' ? '\\u0008' : '\\u000c'));
}
