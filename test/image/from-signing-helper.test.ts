import { beforeAll, expect, test } from 'vitest';
import { kustomized, objectsOf, podTemplateOf } from '../kubernetes/manifests.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { engineDirectory, Pod, WHO_AM_I } from './containers.ts';

const present = engineDirectory !== '' && hasTool('kustomize', 'version');

describeWith('buildah, podman, root or kustomize', present, 'a manifest of aws_signing_helper', () => {
  let pod: Pod;

  beforeAll(async () => {
    pod = await Pod.open();
    return () => pod.close();
  });

  test('runs with this image and unchanged arguments, and serves the SDK next to it', async () => {
    const [, sidecar] = podTemplateOf(objectsOf(kustomized('from-signing-helper'))).spec.containers;
    expect(sidecar?.image).toBe('imds-anywhere:0.1.0');
    const name = await pod.run(
      'credentials',
      [],
      [...localArguments(sidecar?.args ?? []), '--endpoint', pod.setting('endpoint')],
    );
    await pod.says(name, /role session granted/);
    expect(await pod.application(WHO_AM_I)).toMatch(/:assumed-role\/device\/[0-9a-f]+$/);
  });

  /** The unchanged flags, with files and names of the emulator instead of the cluster's. */
  const localArguments = (args: readonly string[]): string[] => {
    const values: Readonly<Record<string, string>> = {
      '--certificate': pod.setting('certificate'),
      '--private-key': pod.setting('privateKey'),
      '--trust-anchor-arn': pod.setting('trustAnchorArn'),
      '--profile-arn': pod.setting('profileArn'),
      '--role-arn': pod.setting('roleArn'),
    };
    return args.map((arg, index) => values[args[index - 1] ?? ''] ?? arg);
  };
});
