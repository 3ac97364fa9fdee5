import { beforeAll, expect, test } from 'vitest';
import { kustomized, objectsOf, podTemplateOf } from '../kubernetes/manifests.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { engineDirectory, Pod, WHO_AM_I } from './containers.ts';

const present = engineDirectory !== '' && hasTool('kustomize', 'version');

describeWith('buildah, podman, root or kustomize', present, 'a manifest that ran aws_signing_helper', () => {
  let pod: Pod;

  beforeAll(async () => {
    pod = await Pod.open();
    return () => pod.close();
  });

  test('runs with the other image and its very arguments, and serves the SDK beside it', async () => {
    const [, sidecar] = podTemplateOf(objectsOf(kustomized('from-signing-helper'))).spec.containers;
    expect(sidecar?.image).toBe('imds-anywhere:0.1.0');
    const name = await pod.run(
      'credentials',
      [],
      [...localArguments(sidecar?.args ?? []), '--endpoint', pod.told('endpoint')],
    );
    await pod.says(name, /role session granted/);
    expect(await pod.application(WHO_AM_I)).toMatch(/:assumed-role\/device\/[0-9a-f]+$/);
  });

  /** The unchanged flags, with files and names of the emulator instead of the cluster's. */
  const localArguments = (args: readonly string[]): string[] => {
    const values: Readonly<Record<string, string>> = {
      '--certificate': pod.told('certificate'),
      '--private-key': pod.told('privateKey'),
      '--trust-anchor-arn': pod.told('trustAnchorArn'),
      '--profile-arn': pod.told('profileArn'),
      '--role-arn': pod.told('roleArn'),
    };
    return args.map((arg, index) => values[args[index - 1] ?? ''] ?? arg);
  };
});
