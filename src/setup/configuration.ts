import { stringify } from 'yaml';
import type { Arns, Place, Setup } from './setup.ts';

/** Where the machine has its certificate and key. */
const IDENTITY: Readonly<Record<Place, object>> = {
  systemd: {
    certificate: '/etc/imds-anywhere/device.pem',
    privateKey: '/run/credentials/imds-anywhere.service/device.key',
  },
  kubernetes: { certificate: '/identity/tls.crt', privateKey: '/identity/tls.key', allowReadableKey: true },
  container: { certificate: '/etc/imds-anywhere/device.pem', privateKey: '/etc/imds-anywhere/device.key' },
  ci: { certificate: 'device.pem', privateKey: 'device.key' },
};

/** What only the daemon of this place needs. */
const FURTHER: Readonly<Record<Place, object>> = {
  systemd: { stateDirectory: '/var/lib/imds-anywhere/state' },
  kubernetes: {
    stateDirectory: '/state/imds-anywhere',
    admin: { listen: '0.0.0.0:9910', allowNonLoopback: true },
  },
  container: {},
  ci: {},
};

/** Of the daemon, as YAML would be read. */
export function configuration({ runsOn, role, region, profile }: Setup, arns: Arns): object {
  const { trustAnchorArn, profileArn, roleArn } = arns;
  return {
    identity: IDENTITY[runsOn],
    rolesAnywhere: { trustAnchorArn, profileArn },
    roles: [
      {
        name: role.name,
        roleArn,
        ...(profile.durationSeconds !== 3_600 && { sessionDuration: profile.durationSeconds }),
        imds: { listen: ENDPOINT, region },
      },
    ],
    ...FURTHER[runsOn],
  };
}

export const ENDPOINT = '127.0.0.1:9911';

export function configurationText(setup: Setup, arns: Arns): string {
  return `# imds-anywhere: docs/configuration.md has every key.\n${stringify(configuration(setup, arns))}`;
}
