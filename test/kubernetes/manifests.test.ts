import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import {
  CHART,
  configOf,
  type Container,
  DEPLOY,
  kustomized,
  type Manifest,
  manifestsOf,
  objectsOf,
  podTemplateOf,
  templated,
  withArns,
} from './manifests.ts';

const OVERLAYS = ['sidecar', 'daemonset', 'example', 'job'];
const kustomize = hasTool('kustomize', 'version');
const helm = hasTool('helm', 'version');

const allContainers = (overlay: string): Container[] => {
  const { initContainers = [], containers } = podTemplateOf(objectsOf(kustomized(overlay))).spec;
  return [...initContainers, ...containers];
};

describeWith('kustomize', kustomize, 'manifests', () => {
  test.each(OVERLAYS)(
    '%s: the program accepts its configuration with ARNs, and rejects it without',
    async (overlay) => {
      const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-manifests-'));
      onTestFinished(() => rm(directory, { recursive: true }));
      const file = path.join(directory, 'config.yaml');
      const config = configOf(objectsOf(kustomized(overlay)));
      await writeFile(file, config);
      await expect(loadConfig(file)).rejects.toThrow('3 problems');
      await writeFile(file, withArns(config));
      const { identity, admin, roles } = await loadConfig(file);
      expect(identity).toMatchObject({ certificate: '/identity/tls.crt', privateKey: '/identity/tls.key' });
      expect(admin?.listen?.port).toBe(9910);
      expect(roles.map(({ imds }) => imds?.port)).toEqual([9911]);
    },
  );

  test('sidecar: the endpoint is on loopback, so that only the pod gets credentials', () => {
    expect(parse(configOf(objectsOf(kustomized('sidecar'))))).toMatchObject({
      roles: [{ imds: { listen: '127.0.0.1:9911' } }],
    });
  });

  test.each(OVERLAYS)('%s: every mount has its volume and every probe its port', (overlay) => {
    const volumes = podTemplateOf(objectsOf(kustomized(overlay))).spec.volumes.map(({ name }) => name);
    for (const container of allContainers(overlay)) {
      expect(volumes).toEqual(expect.arrayContaining(container.volumeMounts?.map(({ name }) => name) ?? []));
      const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
      for (const probe of probes.filter((one) => one !== undefined))
        expect(container.ports?.map(({ name }) => name)).toContain(probe.httpGet.port);
    }
  });

  test.each(OVERLAYS)('%s: policy, monitor and service select its pods', (overlay) => {
    const objects = objectsOf(kustomized(overlay));
    const { labels } = podTemplateOf(objects).metadata;
    const selector = (kind: string, key: string): unknown => (objects[kind]?.['spec'] as Record<string, unknown>)[key];
    expect({ matchLabels: labels }).toMatchObject(selector('NetworkPolicy', 'podSelector') as object);
    expect({ matchLabels: labels }).toMatchObject(selector('PodMonitor', 'selector') as object);
    if (objects['Service']) expect(labels).toMatchObject(selector('Service', 'selector') as object);
  });

  test('all use the documented image, and the example one from a registry', () => {
    const imagesOf = (overlay: string): string[] => allContainers(overlay).map(({ image }) => image);
    for (const overlay of ['sidecar', 'daemonset', 'job']) expect(imagesOf(overlay)[0]).toBe('imds-anywhere:0.1.0');
    expect(imagesOf('example')).toEqual(['registry.example.com/imds-anywhere:0.1.0', 'registry.example.com/orders:1']);
  });

  test('example: everything is in its own namespace, with its own name in the certificate', () => {
    const objects = objectsOf(kustomized('example'));
    expect(new Set(Object.values(objects).map(({ metadata }) => metadata.namespace))).toEqual(new Set(['orders']));
    expect(objects['Certificate']?.['spec']).toMatchObject({
      commonName: 'orders',
      issuerRef: { kind: 'ClusterIssuer' },
    });
  });

  test('example: the commands of the README name existing objects, in a working order', async () => {
    const readme = await readFile(path.join(DEPLOY, '../README.md'), 'utf8');
    const [, block = ''] = /### Kubernetes[^\n]*\n\n```sh\n(.*?)```/s.exec(readme) ?? [];
    const copied = /cp -r deploy\/(\S+) deploy\/(\S+)/.exec(block);
    expect(copied?.[1]).toBe('kubernetes/overlays/example');
    const order = ['docker push', 'cp -r', 'kubectl create namespace orders', `kubectl apply -k deploy/${copied?.[2]}`];
    const positions = order.map((command) => block.indexOf(command));
    expect(positions).not.toContain(-1);
    expect(positions).toEqual(positions.toSorted((one, other) => one - other));
  });

  test('pod-identity: the program accepts its configuration, and a pod without a token has nowhere to ask', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-manifests-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = path.join(directory, 'config.yaml');
    const objects = objectsOf(kustomized('pod-identity'));
    await writeFile(file, withArns(configOf(objects)));
    const { roles, container, admin } = await loadConfig(file);
    expect(roles.map(({ imds }) => imds)).toEqual([undefined]);
    expect([container?.tokens, admin?.listen?.host]).toEqual([[], '127.0.0.1']);
    expect(container?.kubernetes).toMatchObject({ jwks: { from: 'in-cluster' }, node: { environment: 'NODE_NAME' } });
    const { spec } = podTemplateOf(objects);
    const [daemon] = spec.containers;
    expect(daemon?.env?.map(({ name }) => name)).toEqual(['NODE_NAME']);
    expect(spec.volumes.map(({ name }) => name)).toEqual(daemon?.volumeMounts?.map(({ name }) => name));
    expect(Object.keys(objects)).not.toContain('Service');
  });

  test('pod-identity-client: asks the address, for the audience and the account that the daemon has', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-manifests-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = path.join(directory, 'config.yaml');
    await writeFile(file, withArns(configOf(objectsOf(kustomized('pod-identity')))));
    const { container } = await loadConfig(file);
    const text = kustomized('pod-identity-client');
    const [address] = container?.kubernetes?.listen ?? [];
    expect(text).toContain(`http://${address?.host ?? ''}:${address?.port ?? ''}/v1/credentials`);
    expect(text).toContain(`audience: ${container?.kubernetes?.audience ?? ''}`);
    const { metadata } = objectsOf(text)['ServiceAccount'] ?? {};
    expect(container?.kubernetes?.roles).toEqual([
      { namespace: metadata?.namespace, serviceAccount: metadata?.name, role: 'application' },
    ]);
  });

  test('job: only its own container keeps it from completing', () => {
    const { spec } = podTemplateOf(objectsOf(kustomized('job')));
    expect(spec.restartPolicy).toBe('Never');
    expect(spec.containers.map(({ name }) => name)).toEqual(['application']);
    // A native sidecar: the kubelet stops it after the containers, and its exit does not count.
    expect(spec.initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['imds-anywhere', 'Always'],
    ]);
  });
});

describeWith('kustomize or helm', kustomize && helm, 'the Helm chart', () => {
  let directory: string;

  /** The chart with an operator's ARNs. */
  const sidecar = (namespace: string, ...flags: string[]): string =>
    templated(namespace, ['--values', path.join(directory, 'values.yaml'), ...flags]);
  const daemonset = (namespace: string, ...flags: string[]): string =>
    sidecar(namespace, '--values', path.join(directory, 'values-daemonset.yaml'), ...flags);
  const podIdentity = (namespace: string, ...flags: string[]): string =>
    sidecar(namespace, '--values', path.join(directory, 'values-pod-identity.yaml'), ...flags);

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-values-'));
    for (const file of ['values.yaml', 'values-daemonset.yaml', 'values-pod-identity.yaml'])
      await writeFile(path.join(directory, file), withArns(await readFile(path.join(CHART, file), 'utf8')));
    return () => rm(directory, { recursive: true });
  });

  const valuesFile = async (values: object): Promise<string> => {
    const file = path.join(directory, `${randomUUID()}.json`);
    await writeFile(file, JSON.stringify(values));
    return file;
  };

  /** The notes of `helm install`, which `helm template` drops. */
  const notes = async (...flags: string[]): Promise<string> => {
    const chart = path.join(directory, randomUUID());
    await cp(CHART, chart, { recursive: true });
    const text = await readFile(path.join(chart, 'templates/NOTES.txt'), 'utf8');
    await writeFile(path.join(chart, 'templates/_notes.tpl'), `{{ define "notes" }}${text}{{ end }}`);
    await writeFile(
      path.join(chart, 'templates/notes.yaml'),
      '{{ dict "kind" "Notes" "text" (include "notes" .) | toYaml }}',
    );
    const values = ['--values', path.join(directory, 'values.yaml')];
    return objectsOf(templated('orders', [...values, ...flags], chart))['Notes']?.['text'] as string;
  };

  test.each([
    ['sidecar', 'application', () => sidecar],
    ['daemonset', 'imds-anywhere', () => daemonset],
  ])('renders the same objects as the overlay %s', (overlay, namespace, chart) => {
    expect(comparable(chart()(namespace))).toEqual(comparable(withArns(kustomized(overlay))));
  });

  test.each([
    ['pod-identity', []],
    ['pod-identity-injection', ['--set=podIdentity.injection.enabled=true']],
    [
      'pod-identity-injection-v1beta1',
      [
        '--set=podIdentity.injection.enabled=true',
        '--set=podIdentity.injection.apiVersion=admissionregistration.k8s.io/v1beta1',
      ],
    ],
  ])('renders the same objects as the overlay %s', (overlay, flags) => {
    const [chart, own] = [podIdentity('imds-anywhere', ...flags), withArns(kustomized(overlay))];
    expect(comparable(chart)).toEqual(comparable(own));
    const policies = (text: string): unknown[] =>
      manifestsOf(text)
        .filter(({ kind }) => kind.startsWith('Mutating'))
        .toSorted((one, other) =>
          `${one.kind} ${one.metadata.name}`.localeCompare(`${other.kind} ${other.metadata.name}`),
        );
    expect(policies(chart)).toEqual(policies(own));
    expect(policies(own)).toHaveLength(flags.length > 0 ? 4 : 0);
  });

  test('pod identity: the life of tokens is one number, bounded like in the daemon', () => {
    const injecting = '--set=podIdentity.injection.enabled=true';
    const text = podIdentity('aws', injecting, '--set=podIdentity.injection.tokenSeconds=86400', '--set=name=aws');
    expect(text).toContain('expirationSeconds: 86400');
    // It must not inject into its own namespace.
    expect(text).toMatch(/operator: NotIn\n\s+values:\n\s+- kube-system\n\s+- aws\n/);
    for (const seconds of [599, 86_401])
      expect(() => podIdentity('aws', `--set=podIdentity.injection.tokenSeconds=${seconds}`)).toThrow('tokenSeconds');
  });

  test('pod identity: pods are injected with the address and the audience of the configuration', () => {
    const injecting = '--set=podIdentity.injection.enabled=true';
    const listen = '--set=config.container.kubernetes.listen={[fd00:ec2::23]:80,169.254.170.23:80}';
    const text = podIdentity('aws', injecting, listen, '--set=config.container.kubernetes.audience=aws-roles');
    expect(text.match(/"http:[^"]+\/v1\/credentials"/g)).toEqual(
      Array.from({ length: 2 }, () => '"http://[fd00:ec2::23]:80/v1/credentials"'),
    );
    expect(text).toContain('audience: "aws-roles"');
  });

  test('follows the ports of the configuration, wherever they appear', () => {
    const ports = ['--set=config.admin.listen=0.0.0.0:8001', '--set=config.roles[0].imds.listen=0.0.0.0:8002'];
    for (const text of [sidecar('application', ...ports), daemonset('aws', ...ports)]) {
      expect(text).toMatch(/name: admin\n\s+containerPort: 8001\n/);
      expect(text).not.toMatch(/9909|991\d/);
    }
    const { Deployment, NetworkPolicy } = objectsOf(sidecar('application', ...ports));
    const env = podTemplateOf({ Deployment } as Record<string, Manifest>).spec.containers[0]?.env;
    expect(env?.[0]).toEqual({ name: 'AWS_EC2_METADATA_SERVICE_ENDPOINT', value: 'http://127.0.0.1:8002' });
    const { ingress } = NetworkPolicy?.['spec'] as { ingress: { ports: { port: number; endPort?: number }[] }[] };
    expect(ingress[0]?.ports.map(({ port, endPort }) => [port, endPort])).toEqual([
      [1, 8000],
      [8002, 65535],
      [undefined, undefined],
    ]);
    expect(ingress[1]?.ports.map(({ port }) => port)).toEqual([8001]);
    expect(sidecar('application', '--set=config.roles[0].imds=false')).not.toContain('AWS_EC2_METADATA');
    expect(() => sidecar('application', '--set=config.admin.listen=null')).toThrow('config.admin.listen is missing');
  });

  test('pod identity: rejects a configuration without the issuer of the cluster', () => {
    expect(() => daemonset('aws', '--set=podIdentity.enabled=true')).toThrow(
      'podIdentity needs config.container.kubernetes',
    );
  });

  test('opens every endpoint of the daemonset: container, service and policy', async () => {
    const imds = (port: number): object => ({ listen: `0.0.0.0:${port}`, allowNonLoopback: true });
    const roles = ['Reader', 'Writer'].map((name, index) => ({
      roleArn: `arn:aws:iam::123456789012:role/${name}`,
      imds: imds(9911 + index),
    }));
    const objects = objectsOf(daemonset('aws', '--values', await valuesFile({ name: 'aws', config: { roles } })));
    const [container] = podTemplateOf(objects).spec.containers;
    const { ports } = objects['Service']?.['spec'] as { ports: { port: number; targetPort: string }[] };
    expect(ports.map(({ port }) => port)).toEqual([9911, 9912]);
    for (const { port, targetPort } of ports)
      expect(container?.ports).toContainEqual({ name: targetPort, containerPort: port, protocol: 'TCP' });
    const { ingress } = objects['NetworkPolicy']?.['spec'] as { ingress: [{ ports: { port: number }[] }] };
    expect(ingress[0].ports.map(({ port }) => port)).toEqual([9911, 9912]);
  });

  test('daemonset: accepts the names of the Service in its namespace, and added ones', () => {
    const flags = ['--set=name=aws', '--set=clusterDomain=example.internal'];
    const added = '--set=config.roles[0].imds.allowedHosts={imds.example}';
    const allowed = (...more: string[]): unknown =>
      (parse(configOf(objectsOf(daemonset('platform', ...flags, ...more)))) as { roles: [{ imds: object }] }).roles[0]
        .imds;
    const names = ['aws.platform', 'aws.platform.svc', 'aws.platform.svc.example.internal'];
    expect(allowed()).toMatchObject({ allowedHosts: names });
    expect(allowed(added)).toMatchObject({ allowedHosts: [...names, 'imds.example'] });
  });

  test('names everything except the application after a value, so that a namespace can have two', () => {
    const { Deployment, ...others } = objectsOf(sidecar('application', '--set=name=second'));
    expect(Deployment?.metadata.name).toBe('application');
    expect(new Set(Object.values(others).map(({ metadata }) => metadata.name))).toEqual(new Set(['second']));
    const volumes = podTemplateOf({ Deployment } as Record<string, Manifest>).spec.volumes;
    expect(volumes).toContainEqual({ name: 'imds-anywhere-config', configMap: { name: 'second' } });
  });

  test("passes the environment to the daemon, and the registry's secrets to the pod", async () => {
    const env = [{ name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' }];
    const values = await valuesFile({ env, image: { pullSecrets: [{ name: 'registry' }] } });
    const { spec } = podTemplateOf(objectsOf(sidecar('application', '--values', values)));
    expect(spec).toMatchObject({ initContainers: [{ env }], imagePullSecrets: [{ name: 'registry' }] });
  });

  test.each([
    ['sidecar', () => sidecar],
    ['daemonset', () => daemonset],
  ])('%s: runs on the nodes that the values select', async (_, chart) => {
    const placement = { nodeSelector: { 'kubernetes.io/os': 'linux' }, tolerations: [{ operator: 'Exists' }] };
    const rendered = chart()('application', '--values', await valuesFile(placement));
    expect(podTemplateOf(objectsOf(rendered)).spec).toMatchObject(placement);
  });

  test('gives the application the region of its endpoint, if there is one', () => {
    const names = (yaml: string): unknown[] =>
      podTemplateOf(objectsOf(yaml)).spec.containers[0]?.env?.map(({ name }) => name) ?? [];
    expect(names(sidecar('application'))).toEqual(expect.arrayContaining(['AWS_REGION', 'AWS_DEFAULT_REGION']));
    expect(names(sidecar('application', '--set=config.roles[0].imds.region=null'))).not.toContain('AWS_REGION');
  });

  test.each([
    ['a mode there is not', '--set=mode=sidcar', '/mode'],
    ['a value there is not', '--set=resource.limits.memory=1Gi', 'resource'],
    ['a name that is no label', `--set=application.name=${'n'.repeat(64)}`, '/application/name'],
    ['a values file that has dropped the certificate', '--set=certificate=null', 'certificate'],
    ['a node selector that is a list', '--set=nodeSelector={linux}', 'nodeSelector'],
    [
      'no ARN of a trust anchor',
      '--set=config.rolesAnywhere.trustAnchorArn=',
      'config.rolesAnywhere.trustAnchorArn is ""',
    ],
    [
      'a role without an account',
      '--set=config.roles[0].roleArn=arn:aws:iam::ACCOUNT:role/R',
      'config.roles[0].roleArn',
    ],
  ])('rejects %s', (_, flag, complaint) => {
    expect(() => sidecar('application', flag)).toThrow(complaint);
  });

  test('rejects its placeholder ARNs, in every mode', () => {
    expect(() => templated('application')).toThrow('which is not an ARN: set it');
    expect(() => templated('application', ['--values', path.join(CHART, 'values-daemonset.yaml')])).toThrow(
      'not an ARN',
    );
  });

  test('renders only what is requested', () => {
    const off = ['certificate', 'monitoring.podMonitor', 'networkPolicy'].map((part) => `--set=${part}.enabled=false`);
    expect(Object.keys(objectsOf(sidecar('application', ...off))).sort()).toEqual(['ConfigMap', 'Deployment']);
  });

  test('prints the next steps', async () => {
    expect(await notes()).toContain('--namespace orders rollout status deployment/application');
    expect(await notes()).toContain('--for=condition=Ready certificate/imds-anywhere');
    const onNodes = ['--values', path.join(directory, 'values-daemonset.yaml')];
    expect(await notes(...onNodes)).toContain('http://imds-anywhere.orders.svc:9911');
    expect(await notes(...onNodes)).toContain('kubectl label namespace NAMESPACE imds-anywhere/client=true');
    expect(await notes(...onNodes, '--set=networkPolicy.enabled=false')).toContain('Every pod of the cluster');
    const forPods = ['--values', path.join(directory, 'values-pod-identity.yaml')];
    expect(await notes(...forPods)).toContain('pod-security.kubernetes.io/enforce=privileged');
    expect(await notes(...forPods)).toContain('needs a volume and two variables');
    expect(await notes(...forPods, '--set=podIdentity.injection.enabled=true')).toContain('imds-anywhere/inject=true');
    expect(await notes('--set=mode=none', '--set=certificate.enabled=false')).toMatch(
      /no workload here.*Secret imds-anywhere-identity must contain/s,
    );
  });
});

/** The configuration is text within the manifest. Its comments may differ. */
function comparable(yaml: string): unknown {
  const objects = objectsOf(yaml);
  return { ...objects, ConfigMap: { ...objects['ConfigMap'], data: parse(configOf(objects)) as unknown } };
}
