import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeAuthority } from '../support/pki.ts';
import { run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

// The templates, by the schemas of AWS that cfn-lint brings. Those of Terraform's provider awscc are generated from them.

const CA_ARN = 'arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/11111111-2222-4333-8444-555555555555';
const PERMISSIONS = {
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Action: 's3:PutObject',
    // Templates of Terraform and of policies look the same.
    Resource: 'arn:aws:s3:::bucket/${aws:PrincipalTag/x509Subject/CN}/*',
  },
};

let workshop: Workshop;
const folders = ['plain', 'full', 'vault', 'acm-pca'] as const;

beforeAll(async () => {
  workshop = await Workshop.open();
  const authority = await makeAuthority('Example CA');
  const device = await authority.issue({
    subject: 'CN=device-0001,O=Example (Test)',
    alternativeNames: [{ type: 'dns', value: '*.example.com' }],
  });
  const permissions = await workshop.write('permissions.json', JSON.stringify(PERMISSIONS));
  const options: Readonly<Record<(typeof folders)[number], readonly string[]>> = {
    plain: ['--ca', 'new'],
    full: [
      ...['--ca', 'bundle', '--ca-bundle', await workshop.write('ca.pem', authority.certificatePem)],
      ...['--certificate', await workshop.write('device.pem', device.certificatePem), '--role', 'uploader'],
      ...['--permissions', permissions, '--managed-policy', 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'],
      ...['--managed-policy', 'arn:aws:iam::123456789012:policy/own', '--duration', '43200'],
    ],
    vault: ['--ca', 'vault', '--subject', 'CN=device-*,O=Example'],
    'acm-pca': ['--ca', 'acm-pca', '--acm-pca-arn', CA_ARN],
  };
  for (const folder of folders) {
    const where = ['--region', 'eu-central-1', '--runs-on', 'ci'];
    const { code, stderr } = await run(['init', folder, ...where, ...options[folder]], { cwd: workshop.directory });
    expect([code, stderr]).toEqual([0, '']);
  }
  return workshop.close;
});

const file = (...names: readonly string[]): string => path.join(workshop.directory, ...names);
const lint = (...files: readonly string[]): { status: number | null; stdout: string } =>
  spawnSync('cfn-lint', ['--regions', 'eu-central-1', '--', ...files], { encoding: 'utf8' });
const terraform = (...files: readonly string[]): string =>
  spawnSync('python3', [path.join(import.meta.dirname, 'terraform.py'), ...files], { encoding: 'utf8' }).stdout;

/** Importing the schemas takes seconds of a busy processor. */
const SLOWEST_MS = 180_000;

describeWith('cfn-lint', hasTool('cfn-lint', '--version'), 'CloudFormation', () => {
  test(
    'cfn-lint accepts the templates, and finds a wrong property',
    async () => {
      expect(lint(...folders.map((folder) => file(folder, 'cloudformation.yaml')))).toMatchObject({
        status: 0,
        stdout: '',
      });
      const text = await readFile(file('full', 'cloudformation.yaml'), 'utf8');
      await writeFile(file('wrong.yaml'), text.replace('Specifier: CN', 'Specifiers: CN'));
      expect(lint(file('wrong.yaml')).stdout).toContain('Specifiers');
    },
    SLOWEST_MS,
  );
});

const hasPython = hasTool('python3', '-c', 'import hcl2, cfnlint');
describeWith('python-hcl2 or cfn-lint', hasPython, 'Terraform', () => {
  test(
    'the schemas accept the resources, and find a wrong attribute',
    async () => {
      expect(terraform(...folders.map((folder) => file(folder, 'main.tf')))).toBe('{"resources": 12}\n');
      const text = await readFile(file('full', 'main.tf'), 'utf8');
      await writeFile(
        file('wrong.tf'),
        text.replace('specifier =', 'specifiers =').replace('.this.profile_arn', '.this.arn').replace('43200', '"x"'),
      );
      const problems = terraform(file('wrong.tf'));
      expect(problems).toContain(
        'awscc_rolesanywhere_profile.attribute_mappings[].mapping_rules[].specifiers is unknown',
      );
      expect(problems).toContain('awscc_rolesanywhere_profile has no attribute arn');
      expect(problems).toContain('"x" is no');
    },
    SLOWEST_MS,
  );
});

describe('the templates', () => {
  const text = async (...names: readonly string[]): Promise<string> => {
    return readFile(file(...names), 'utf8');
  };

  test('have the same policies as the files', async () => {
    const { Resources } = parse(await text('full', 'cloudformation.yaml')) as {
      readonly Resources: { readonly Role: { readonly Properties: { readonly Policies: unknown } } };
    };
    expect(Resources.Role.Properties.Policies).toEqual([{ PolicyName: 'uploader', PolicyDocument: PERMISSIONS }]);
    expect(JSON.parse(await text('full', 'permissions.json'))).toEqual(PERMISSIONS);
    // Otherwise Terraform would evaluate it.
    expect(await text('full', 'main.tf')).toContain('bucket/$${aws:PrincipalTag/x509Subject/CN}/*');
  });

  test('ask for the certificate of a CA that does not exist yet', async () => {
    expect(await text('vault', 'cloudformation.yaml')).toContain('Ref: TrustAnchorCertificates');
    expect(await text('vault', 'NEXT-STEPS.md')).toContain('"TrustAnchorCertificates=$(cat trust-anchor.pem)"');
    expect(await text('acm-pca', 'cloudformation.yaml')).toContain(`AcmPcaArn: ${CA_ARN}`);
  });
});
