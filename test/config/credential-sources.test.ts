import { expect, test } from 'vitest';
import { atSources } from '../../src/config/credential-sources.ts';
import { unitOfConfig } from '../../src/foundation/credential-copy.ts';

const UNIT = 'imds-anywhere.service';
const COPIES = `/run/credentials/${UNIT}`;
const identity = {
  certificate: '/etc/imds-anywhere/device.pem',
  privateKey: `${COPIES}/device.key`,
  passphrase: { from: 'credential', name: 'passphrase' },
  allowReadableKey: false,
} as const;
const source = (path: string, isEncrypted = false) => ({ path, isEncrypted });

test('reads the sources of systemd credentials instead of their copies', () => {
  const sources = new Map([
    ['device.key', source('/etc/device.key')],
    ['passphrase', source('/etc/passphrase')],
  ]);
  expect(atSources(identity, UNIT, sources)).toEqual({
    identity: {
      ...identity,
      privateKey: '/etc/device.key',
      passphrase: { from: 'file', path: '/etc/passphrase' },
    },
    findings: [],
  });
});

test('reports a missing and an encrypted credential at their keys', () => {
  const { identity: sourced, findings } = atSources(
    identity,
    UNIT,
    new Map([['device.key', source('/etc/key.cred', true)]]),
  );
  expect(sourced).toBeUndefined();
  expect(findings).toMatchObject([
    { severity: 'error', path: ['identity', 'passphrase'], error: { code: 'CREDENTIAL_NOT_IN_UNIT' } },
    { severity: 'warning', path: ['identity', 'privateKey'], error: { code: 'CREDENTIAL_ENCRYPTED' } },
  ]);
});

test.each([
  ['/etc/imds-anywhere/config.yaml', UNIT],
  ['/etc/imds-anywhere/edge.yaml', 'imds-anywhere@edge.service'],
  ['/home/me/config.yaml', undefined],
  // The user of the longer one could not exist.
  ['/etc/imds-anywhere/a234567890123456z.yaml', 'imds-anywhere@a234567890123456z.service'],
  ['/etc/imds-anywhere/a2345678901234567z.yaml', undefined],
])('%s is read by %s', (file, unit) => {
  expect(unitOfConfig(file)).toBe(unit);
});
