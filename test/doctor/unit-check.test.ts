import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { examineConfig } from '../../src/config/examined-config.ts';
import { checkService } from '../../src/doctor/unit-check.ts';
import { keyText } from '../../src/foundation/config-finding.ts';

test('every file that the user of the daemon cannot read is reported at its key', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'unit-check-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const arn = 'arn:aws:rolesanywhere:eu-central-1:123456789012';
  const ID = '11111111-2222-3333-4444-555555555555';
  const content = {
    identity: { certificate: 'device.pem', privateKey: 'device.key' },
    rolesAnywhere: {
      trustAnchorArn: `${arn}:trust-anchor/${ID}`,
      profileArn: `${arn}:profile/${ID}`,
      caBundle: 'tls.pem',
    },
    roles: [{ roleArn: 'arn:aws:iam::123456789012:role/r', assume: { policy: { file: 'policy.json' } } }],
    stateDirectory: '/var/lib/x',
    stateKey: { file: 'state.key' },
    container: {
      kubernetes: {
        issuer: 'https://cluster.example',
        jwks: { file: 'keys.json' },
        roles: [{ namespace: 'shop', serviceAccount: 'app', role: 'r' }],
      },
    },
  };
  const { config, problems } = examineConfig(content, directory);
  if (!config) throw new Error(JSON.stringify(problems));
  const { findings } = await checkService({
    ...{ file: path.join(directory, 'config.yaml'), identity: config.identity, config, environment: {} },
    user: { name: 'the user x', uid: undefined, gids: [] },
  });
  const unreadable = findings.filter(({ error }) => error.code === 'SERVICE_CANNOT_READ');
  expect(unreadable.map(({ path: keys }) => keyText(keys)).sort()).toEqual([
    '',
    'container.kubernetes.jwks.file',
    'identity.certificate',
    'identity.privateKey',
    'rolesAnywhere.caBundle',
    'roles[0].assume.policy.file',
    'stateKey',
  ]);
});
