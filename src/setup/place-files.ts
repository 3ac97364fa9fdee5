// What each place needs besides the configuration, and the steps there.
import { stringify } from 'yaml';
import { firstValue } from './authority-recipe.ts';
import { configuration, configurationText, ENDPOINT } from './configuration.ts';
import { type Place, type Setup, UNKNOWN_ARNS } from './setup.ts';

export interface SetupFile {
  readonly name: string;
  readonly text: string;
  /** Default: everyone may read it. */
  readonly mode?: number;
}

/** The file with the ARNs. */
export function configurationFile(runsOn: Place): string {
  return runsOn === 'kubernetes' ? 'values.yaml' : 'config.yaml';
}

export function placeFiles(setup: Setup): readonly SetupFile[] {
  const config = { name: 'config.yaml', text: configurationText(setup, UNKNOWN_ARNS) };
  switch (setup.runsOn) {
    case 'systemd':
      return [config, { name: 'application.conf', text: dropIn(setup) }];
    case 'kubernetes':
      return [
        { name: 'values.yaml', text: values(setup) },
        ...(setup.authority.kind === 'new' ? [{ name: 'issuer.yaml', text: stringify(ISSUER) }] : []),
      ];
    case 'container':
      return [config, { name: 'compose.yaml', text: compose(setup) }];
    case 'ci':
      return [config, { name: 'with-role.sh', text: WITH_ROLE, mode: 0o755 }];
  }
}

function dropIn({ region }: Setup): string {
  return `# For the unit of your application: /etc/systemd/system/UNIT.service.d/imds-anywhere.conf
[Unit]
Wants=imds-anywhere.service
After=imds-anywhere.service
[Service]
Environment=AWS_EC2_METADATA_SERVICE_ENDPOINT=http://${ENDPOINT} AWS_REGION=${region}
`;
}

/** Its CA is in a Secret of the namespace of cert-manager. */
const ISSUER = {
  apiVersion: 'cert-manager.io/v1',
  kind: 'ClusterIssuer',
  metadata: { name: 'imds-anywhere-ca' },
  spec: { ca: { secretName: 'imds-anywhere-ca' } },
};

/** Of the chart. cert-manager issues the certificate. */
function values(setup: Setup): string {
  const commonName = firstValue(setup, 'CN') ?? setup.name;
  return `# For the chart deploy/helm/imds-anywhere: docs/kubernetes.md. Set application.image and certificate.issuerRef to your own.
${stringify({
  name: setup.name,
  config: configuration(setup, UNKNOWN_ARNS),
  identity: { secretName: `${setup.name}-identity` },
  certificate: {
    commonName,
    issuerRef: { group: 'cert-manager.io', kind: ISSUER.kind, name: ISSUER.metadata.name },
  },
  application: { name: 'application', image: 'registry.example/application:1' },
})}`;
}

function compose({ region }: Setup): string {
  return `# The application shares the network of the daemon, and so its loopback endpoint.
${stringify({
  services: {
    'imds-anywhere': {
      image: 'imds-anywhere:0.1.0',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: '128m',
      volumes: ['./config.yaml', './device.pem', './device.key'].map(
        (file) => `${file}:/etc/imds-anywhere/${file.slice(2)}:ro`,
      ),
    },
    application: {
      image: 'registry.example/application:1',
      network_mode: 'service:imds-anywhere',
      environment: { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${ENDPOINT}`, AWS_REGION: region },
      depends_on: { 'imds-anywhere': { condition: 'service_healthy' } },
    },
  },
})}`;
}

/** Works on every CI system that has secrets as variables. */
const WITH_ROLE = `#!/bin/sh
# Runs a command with the role: sh with-role.sh aws sts get-caller-identity
# Put the content of device.pem and device.key into the secrets DEVICE_CERTIFICATE and DEVICE_KEY of your CI.
set -eu
from=$(dirname "$0")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cp "$from/config.yaml" "$place"
printf '%s\\n' "$DEVICE_CERTIFICATE" > "$place/device.pem"
(umask 077; printf '%s\\n' "$DEVICE_KEY" > "$place/device.key")
unset DEVICE_CERTIFICATE DEVICE_KEY
imds-anywhere exec --no-cache --config "$place/config.yaml" -- "$@"
`;

/** What to do on the machine. */
export function placeSteps({ runsOn, name, authority }: Setup): readonly string[] {
  switch (runsOn) {
    case 'systemd':
      return [
        'install -m 644 config.yaml device.pem /etc/imds-anywhere/',
        'install -m 600 device.key /etc/imds-anywhere/',
        'imds-anywhere check-config /etc/imds-anywhere/config.yaml',
        'systemctl enable --now imds-anywhere',
      ];
    case 'kubernetes':
      return [
        ...(authority.kind === 'new'
          ? [
              `kubectl --namespace cert-manager create secret tls ${ISSUER.spec.ca.secretName} --cert trust-anchor.pem --key ca.key`,
              'kubectl apply -f issuer.yaml',
            ]
          : []),
        `kubectl create namespace ${name}`,
        `helm install ${name} deploy/helm/imds-anywhere --namespace ${name} --values values.yaml`,
      ];
    case 'container':
      return ['chown 65532 device.key', 'docker compose up'];
    case 'ci':
      return ['sh with-role.sh aws sts get-caller-identity'];
  }
}
