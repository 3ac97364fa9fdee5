import { cp, mkdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configOf, type Container, kustomized, objectsOf, podTemplateOf } from '../kubernetes/manifests.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { IMAGE } from './build-image.ts';
import { engineDirectory, NODE, Pod, WHO_AM_I } from './containers.ts';

const present = engineDirectory !== '' && hasTool('kustomize', 'version') && hasTool('catatonit', '--version');

/** Like an application that starts too early, because podman 4 has no native sidecars. */
const UNTIL_IT_SUCCEEDS = `${WHO_AM_I.replace(/^ *console.*$/m, '')}
  for (;;) {
    try {
      console.log((await new STSClient().send(new GetCallerIdentityCommand())).Arn);
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }`;

describeWith('buildah, podman, catatonit, root or kustomize', present, 'the manifest of the sidecar', () => {
  test('podman runs its pod with the user, read-only root, capabilities, memory, arguments and mounts of the manifest', async () => {
    const pod = await Pod.open();
    await pod.close();
    const manifest = objectsOf(kustomized('sidecar'));
    const { spec } = podTemplateOf(manifest);
    const volumes = await hostDirectories(pod, configOf(manifest));
    const [application] = spec.containers;
    const [sidecar] = spec.initContainers ?? [];
    const modules = await realpath(path.resolve(import.meta.dirname, '../../node_modules'));
    const played = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'played' },
      spec: {
        ...spec,
        restartPolicy: 'Never',
        initContainers: [],
        containers: [
          {
            name: 'emulator',
            image: IMAGE,
            args: ['emulate', '--dir', '/account/files', '--listen', '127.0.0.1:8700'],
            volumeMounts: [{ name: 'account', mountPath: '/account' }],
          },
          ordinary(sidecar),
          {
            ...application,
            image: IMAGE,
            command: [NODE, '--input-type=module', '--eval', UNTIL_IT_SUCCEEDS],
            workingDir: '/application',
            env: [...(application?.env ?? []), ...ELSEWHERE],
            volumeMounts: [{ name: 'modules', mountPath: '/application/node_modules', readOnly: true }],
          },
        ],
        volumes: [...volumes, hostPath('account', pod.account), hostPath('modules', modules)],
      },
    };
    const file = path.join(pod.account, 'pod.json');
    await writeFile(file, JSON.stringify(played));
    onTestFinished(async () => {
      await pod.engine.podman('play', 'kube', '--down', file);
    });
    await pod.engine.podman('play', 'kube', '--network', 'none', file);
    const arn = await eventually('an ARN', 60_000, async () => {
      return /^arn:aws:sts:.*$/m.exec(await pod.engine.printed('played-application'))?.[0];
    });
    expect(arn).toMatch(/:assumed-role\/device\/[0-9a-f]+$/);
    const [seen] = JSON.parse(await pod.engine.podman('inspect', 'played-imds-anywhere')) as [Record<string, unknown>];
    expect(seen).toMatchObject({
      Config: { User: '65532:65532' },
      HostConfig: { ReadonlyRootfs: true, Memory: 134_217_728 },
      EffectiveCaps: null,
    });
  });
});

/** The address of the emulator, for the application. The rest of its environment is the manifest's. */
const ELSEWHERE = [{ name: 'AWS_ENDPOINT_URL_STS', value: 'http://127.0.0.1:8700' }];

/**
 * Omits what podman 4 does not support: native sidecars, probes (which need curl in the image), and
 * ports without a network.
 */
function ordinary(sidecar: Container | undefined): object {
  const unknown = ['startupProbe', 'readinessProbe', 'livenessProbe', 'restartPolicy', 'ports'];
  const kept = Object.entries(sidecar ?? {}).filter(([key]) => !unknown.includes(key));
  return { ...Object.fromEntries(kept), image: IMAGE };
}

/**
 * podman does not support fsGroup, which makes a Secret readable. So its files come from
 * directories of the host.
 */
async function hostDirectories(pod: Pod, config: string): Promise<object[]> {
  const at = (name: string): string => path.join(pod.account, name);
  for (const name of ['identity', 'config', 'state']) await mkdir(at(name));
  await cp(at('files/device.pem'), at('identity/tls.crt'));
  await cp(at('files/device.key'), at('identity/tls.key'));
  const local = ['trustAnchorArn', 'profileArn', 'roleArn']
    .reduce((text, key) => text.replace(new RegExp(`${key}: .*`), `${key}: ${pod.setting(key)}`), config)
    .replace('rolesAnywhere:\n', 'rolesAnywhere:\n  endpoint: http://127.0.0.1:8700\n');
  await writeFile(at('config/config.yaml'), local);
  await pod.engine.run('chown', ['-R', '65532:65532', pod.account]);
  return ['config', 'identity', 'state'].map((name) => hostPath(`imds-anywhere-${name}`, at(name)));
}

function hostPath(name: string, directory: string): object {
  return { name, hostPath: { path: directory, type: 'Directory' } };
}
