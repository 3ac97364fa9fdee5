// Scripts that make the CA and the certificate of one machine. Their output is trust-anchor.pem, device.pem and
// device.key.
import { shellWord } from '../foundation/shell-word.ts';
import { issuerName, type Setup } from './setup.ts';
import { setupError } from './setup-errors.ts';

/** @returns undefined if the CA exists. @throws CodedError SETUP_ANSWER_WRONG */
export function authorityRecipe(setup: Setup): string | undefined {
  switch (setup.authority.kind) {
    case 'step-ca':
      return recipe(stepCa(setup));
    case 'vault':
      return recipe(vault(setup));
    case 'acm-pca':
      return recipe(privateCa(setup));
    case 'new':
    case 'bundle':
      return undefined;
  }
}

function recipe(lines: readonly string[]): string {
  return ['#!/bin/sh', 'set -eu', 'umask 077', 'cd "$(dirname "$0")"', ...lines, ''].join('\n');
}

/** Of the first machine: a pattern such as `device-*` becomes `device-0001`. */
export function firstSubject({ subject }: Pick<Setup, 'subject'>): Setup['subject'] {
  const named = subject.some(({ type }) => type === 'CN') ? subject : [...subject, { type: 'CN', value: 'device-*' }];
  return named.map(({ type, value }) => ({ type, value: value.replaceAll('*', '0001') }));
}

/**
 * A value for a CLI that reads some as the name of a file (`@`), standard input, an option or a list.
 *
 * @throws CodedError SETUP_ANSWER_WRONG
 */
function literal(setup: Setup, wanted: string): string | undefined {
  const value = firstValue(setup, wanted);
  if (value === undefined || !/^[@\\-]|,/.test(value)) return value && shellWord(value);
  const what = `${wanted} ${JSON.stringify(value)} is more than a text for the CLI of ${setup.authority.kind}`;
  throw setupError('SETUP_ANSWER_WRONG', `--subject: ${what}`);
}

/** Of its subject. */
export function firstValue(setup: Setup, wanted: string): string | undefined {
  return firstSubject(setup).find(({ type }) => type === wanted)?.value;
}

function stepCa(setup: Setup): string[] {
  const other = setup.subject.find(({ type }) => type !== 'CN');
  if (other)
    throw setupError(
      'SETUP_ANSWER_WRONG',
      `--subject has ${other.type}, but step-ca issues certificates with a CN only unless you give it a template`,
    );
  const name = literal(setup, 'CN') ?? '';
  return [
    '# A CA of step-ca in the directory step. ca-password protects its keys; keep it.',
    'export STEPPATH="$PWD/step"',
    'test -s ca-password || head -c 24 /dev/urandom | base64 > ca-password',
    `test -d step || step ca init --name ${setup.name} --dns localhost --address 127.0.0.1:8443 \\`,
    `  --provisioner ${setup.name} --password-file ca-password`,
    'cp step/certs/root_ca.crt trust-anchor.pem',
    '# With the keys of the CA, so that it need not run.',
    `step ca certificate ${name} device.pem device.key --offline --ca-config step/config/ca.json \\`,
    `  --provisioner ${setup.name} --provisioner-password-file ca-password --password-file ca-password --not-after 24h`,
    '# For renewals, it has to run: step-ca step/config/ca.json --password-file ca-password',
    '# On the machine: step ca renew --daemon device.pem device.key',
  ];
}

function vault(setup: Setup): string[] {
  const { name } = setup;
  const attributes = (['O', 'OU'] as const).flatMap((type) => {
    const value = literal(setup, type);
    return value === undefined ? [] : [`${type === 'O' ? 'organization' : 'ou'}=${value}`];
  });
  return [
    '# Needs VAULT_ADDR and a token that may configure secrets engines.',
    `vault secrets enable -path=${name} pki`,
    `vault secrets tune -max-lease-ttl=87600h ${name}`,
    `vault write -field=certificate ${name}/root/generate/internal common_name=${shellWord(issuerName('vault', name) ?? '')} \\`,
    '  key_type=ec key_bits=256 ttl=87600h > trust-anchor.pem',
    `vault write ${name}/roles/device allow_any_name=true enforce_hostnames=false ${attributes.join(' ')} \\`,
    '  key_type=ec key_bits=256 key_usage=DigitalSignature ext_key_usage=ClientAuth server_flag=false \\',
    '  basic_constraints_valid_for_non_ca=true max_ttl=720h',
    `vault write -format=json ${name}/issue/device common_name=${literal(setup, 'CN') ?? ''} ttl=720h > issued.json`,
    "jq -r '.data.certificate, (.data.ca_chain // [] | .[])' issued.json > device.pem",
    'jq -r .data.private_key issued.json > device.key',
    'rm issued.json',
  ];
}

function privateCa(setup: Setup): string[] {
  const { region, authority } = setup;
  const name = firstSubject(setup).map(({ type, value }) => `/${type}=${value.replaceAll(/[\\/+]/g, '\\$&')}`);
  return [
    '# Issues the certificate of one machine. The trust anchor is the CA itself.',
    `export AWS_REGION=${region} AWS_DEFAULT_REGION=${region}`,
    `ca=${authority.acmPcaArn ?? ''}`,
    'openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout device.key -out device.csr \\',
    `  -subj ${shellWord(name.join(''))}`,
    'algorithm=$(aws acm-pca describe-certificate-authority --certificate-authority-arn "$ca" \\',
    '  --query CertificateAuthority.CertificateAuthorityConfiguration.SigningAlgorithm --output text)',
    'arn=$(aws acm-pca issue-certificate --certificate-authority-arn "$ca" --csr fileb://device.csr \\',
    '  --signing-algorithm "$algorithm" --validity Value=30,Type=DAYS \\',
    '  --template-arn arn:aws:acm-pca:::template/EndEntityClientAuthCertificate/V1 --query CertificateArn --output text)',
    'aws acm-pca wait certificate-issued --certificate-authority-arn "$ca" --certificate-arn "$arn"',
    'aws acm-pca get-certificate --certificate-authority-arn "$ca" --certificate-arn "$arn" \\',
    "  --query '[Certificate, CertificateChain]' --output text | tr '\\t' '\\n' > device.pem",
  ];
}
