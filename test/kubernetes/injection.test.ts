import path from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { ApiServer } from './api-server.ts';
import { CHART, kustomized, type Manifest, manifestsOf, podTemplateOf, templated, withArns } from './manifests.ts';

// The policy that gives pods their token and variables, and every manifest of the project, at a real API server.

const present =
  hasTool('kube-apiserver', '--version') &&
  hasTool('etcd', '--version') &&
  hasTool('kustomize', 'version') &&
  hasTool('helm', 'version');

interface Env {
  readonly name: string;
  readonly value?: string;
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly Env[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}
interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly ephemeralContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly projected?: unknown }[];
  readonly [key: string]: unknown;
}
interface CreatedPod {
  readonly metadata: { readonly name: string };
  readonly spec: PodSpec;
}

const URI = 'http://169.254.170.23:9913/v1/credentials';
const MOUNT = { name: 'imds-anywhere-token', mountPath: '/var/run/secrets/imds-anywhere', readOnly: true };
const variables = (uri = URI): readonly Env[] => [
  { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: uri },
  { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', value: '/var/run/secrets/imds-anywhere/token' },
];
const TOKEN = {
  name: 'imds-anywhere-token',
  projected: {
    defaultMode: 0o644,
    sources: [{ serviceAccountToken: { audience: 'imds-anywhere', expirationSeconds: 600, path: 'token' } }],
  },
};

let cluster: ApiServer;

const yes = (): true => true;
const no = (): undefined => undefined;

const container = (more: Partial<Container> = {}): Container => ({ name: 'app', image: 'app:1', ...more });

async function pod(
  serviceAccountName: string,
  spec: Partial<PodSpec> = {},
  { namespace = 'shop', labels = {} }: { readonly namespace?: string; readonly labels?: Record<string, string> } = {},
): Promise<CreatedPod> {
  return (await cluster.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'p-', namespace, labels } as unknown as Manifest['metadata'],
    spec: { serviceAccountName, containers: [container()], ...spec },
  })) as unknown as CreatedPod;
}

/** What the policy adds, without what the ServiceAccount plug-in mounts. */
function added({ env = [], volumeMounts = [] }: Container): unknown {
  return { env, mounts: volumeMounts.filter(({ mountPath }) => !mountPath.includes('kubernetes.io')) };
}

const INJECTED = { env: variables(), mounts: [MOUNT] };
const NOTHING = { env: [], mounts: [] };

describeWith('kube-apiserver, etcd, kustomize or helm', present, 'at a real API server', () => {
  beforeAll(async () => {
    cluster = await ApiServer.start();
    for (const name of ['shop', 'imds-anywhere', 'orders']) await cluster.namespace(name);
    // The server makes this one itself, a moment after it is ready.
    await eventually('kube-system', 60_000, () => cluster.account('kube-system', 'default').then(yes, no));
    await cluster.namespace('application', { 'pod-security.kubernetes.io/enforce': 'restricted' });
    const label = { labels: { 'imds-anywhere/inject': 'true' } };
    await cluster.account('shop', 'uploader', label);
    await cluster.account('shop', 'plain');
    await cluster.account('shop', 'chosen', { ...label, annotations: { 'imds-anywhere/role': 'reader' } });
    await cluster.account('shop', 'evil', { ...label, annotations: { 'imds-anywhere/role': '../x?y' } });
    await cluster.account('kube-system', 'system', label);
    const policies = manifestsOf(kustomized('pod-identity-injection')).filter(({ kind }) =>
      kind.startsWith('Mutating'),
    );
    expect(policies).toHaveLength(4);
    for (const policy of policies) await cluster.create(policy);
    await injecting();
    return cluster.close;
  }, 240_000);

  /** The server compiles policies in the background. */
  async function injecting(): Promise<void> {
    await eventually('the policies', 60_000, async () => {
      const injected = await pod('uploader').catch(() => undefined);
      if (!injected?.spec.containers.some(({ env = [] }) => env.length > 0)) return undefined;
      const { ephemeralContainers = [] } = await debug(injected, 'first');
      return ephemeralContainers.some(({ env = [] }) => env.length > 0) ? true : undefined;
    });
  }

  /** Adds a container like `kubectl debug`. */
  async function debug({ metadata }: CreatedPod, name: string): Promise<PodSpec> {
    const target = `/api/v1/namespaces/shop/pods/${metadata.name}`;
    const { body } = await cluster.ask('GET', target);
    const before = (body['spec'] as PodSpec).ephemeralContainers ?? [];
    const ephemeralContainers = [...before, { ...container({ name }), terminationMessagePolicy: 'File' }];
    const changed = { ...body, spec: { ...(body['spec'] as PodSpec), ephemeralContainers } };
    const answer = await cluster.ask('PUT', `${target}/ephemeralcontainers`, changed);
    expect(answer.status).toBe(200);
    return answer.body['spec'] as PodSpec;
  }

  test('the policy gives a pod of a labelled account the token and the variables', async () => {
    const { spec } = await pod('uploader', { containers: [container(), container({ name: 'second' })] });
    expect(spec.volumes).toContainEqual(TOKEN);
    expect(spec.containers.map(added)).toEqual([INJECTED, INJECTED]);
  });

  test('also init containers, sidecars, and pods that mount no token of the API server', async () => {
    const { spec } = await pod('uploader', {
      automountServiceAccountToken: false,
      initContainers: [
        container({ name: 'init' }),
        { ...container({ name: 'side' }), restartPolicy: 'Always' } as Container,
      ],
    });
    expect(spec.volumes).toEqual([TOKEN]);
    expect([...(spec.initContainers ?? []), ...spec.containers].map(added)).toEqual([INJECTED, INJECTED, INJECTED]);
  });

  test.each([
    ['the account has no label', () => pod('plain')],
    ['the pod opts out', () => pod('uploader', {}, { labels: { 'imds-anywhere/inject': 'false' } })],
    ['the account is of the system', () => pod('system', {}, { namespace: 'kube-system' })],
  ])('a pod stays as it is where %s', async (_, create) => {
    const { spec } = await create();
    expect(spec.containers.map(added)).toEqual([NOTHING]);
    expect(spec.volumes?.map(({ name }) => name)).not.toContain('imds-anywhere-token');
  });

  test("the pod's own variables, mounts and volume stay", async () => {
    const env = [
      { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://127.0.0.1:1' },
      { name: 'A', value: 'b' },
    ];
    const own = { name: 'data', mountPath: '/var/run/secrets/imds-anywhere' };
    const { spec } = await pod('uploader', {
      volumes: [{ name: 'data', emptyDir: {} } as never],
      containers: [container({ env }), container({ name: 'second', volumeMounts: [own] })],
    });
    expect(spec.containers.map(added)).toEqual([
      { env, mounts: [MOUNT] },
      { env: variables(), mounts: [own] },
    ]);
    for (const mountPath of ['/var/run/secrets/imds-anywhere/', '/run/secrets/imds-anywhere']) {
      const mounted = { name: 'data', mountPath };
      const alike = await pod('uploader', {
        volumes: [{ name: 'data', emptyDir: {} } as never],
        containers: [container({ volumeMounts: [mounted] })],
      });
      expect(alike.spec.containers.map(added)).toEqual([{ env: variables(), mounts: [mounted] }]);
    }
    const emptyDir = { name: 'imds-anywhere-token', emptyDir: {} };
    const { spec: second } = await pod('uploader', { volumes: [emptyDir] });
    expect(second.volumes?.filter(({ name }) => name === 'imds-anywhere-token')).toEqual([emptyDir]);
  });

  test('the pod of a static manifest, which has no account, is admitted as it is', async () => {
    const { metadata } = await cluster.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-a' } });
    const { uid } = metadata as { uid: string };
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid, controller: true };
    // The kubelet makes it, in any namespace.
    const { spec } = (await cluster.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'static-node-a',
        namespace: 'shop',
        annotations: { 'kubernetes.io/config.mirror': 'digest' },
        ownerReferences: [owner],
      } as unknown as Manifest['metadata'],
      spec: { nodeName: 'node-a', containers: [container()] },
    })) as unknown as CreatedPod;
    expect(spec['serviceAccountName']).toBeUndefined();
    expect(spec.containers.map(added)).toEqual([NOTHING]);
  });

  test('an annotation chooses the role, and nothing else gets into the URL', async () => {
    const uriOf = ({ spec }: CreatedPod): unknown => spec.containers[0]?.env?.[0]?.value;
    expect(uriOf(await pod('chosen'))).toBe(`${URI}/reader`);
    expect(uriOf(await pod('evil'))).toBe(URI);
  });

  test('a debugging container gets them too, also the second one, and only in a pod with the token', async () => {
    const injected = await pod('uploader');
    expect((await debug(injected, 'one')).ephemeralContainers?.map(added)).toEqual([INJECTED]);
    expect((await debug(injected, 'two')).ephemeralContainers?.map(added)).toEqual([INJECTED, INJECTED]);
    const without = await pod('uploader', {}, { labels: { 'imds-anywhere/inject': 'false' } });
    expect((await debug(without, 'one')).ephemeralContainers?.map(added)).toEqual([NOTHING]);
    // Its own volume of that name changes nothing.
    const byHand = await pod('uploader', { volumes: [TOKEN] }, { labels: { 'imds-anywhere/inject': 'false' } });
    expect((await debug(byHand, 'one')).ephemeralContainers?.map(added)).toEqual([NOTHING]);
  });

  test('a token for the volume is the one that the daemon takes', async () => {
    const { metadata, spec } = await pod('uploader');
    const [source] = (spec.volumes?.find(({ name }) => name === TOKEN.name)?.projected as typeof TOKEN.projected)
      .sources;
    const { audience, expirationSeconds: seconds = 0 } = source?.serviceAccountToken ?? {};
    const { uid } = metadata as unknown as { uid: string };
    const token = await cluster.token({
      namespace: 'shop',
      account: 'uploader',
      pod: { name: metadata.name, uid },
      audiences: [audience ?? ''],
      seconds,
    });
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, number>;
    expect(claims).toMatchObject({ aud: ['imds-anywhere'], 'kubernetes.io': { pod: { name: metadata.name } } });
    expect((claims['exp'] ?? 0) - (claims['iat'] ?? 0)).toBe(600);
  });

  /** Kinds of cert-manager and the Prometheus operator are checked by strict-manifests. */
  const isOwn = ({ apiVersion }: Manifest): boolean => !/cert-manager|monitoring\.coreos/.test(apiVersion);
  /** Next to the policies of the other tests. */
  const asServed = (manifest: Manifest): Manifest =>
    manifest.kind.startsWith('Mutating')
      ? { ...manifest, metadata: { name: `${manifest.metadata.name}-2` } }
      : manifest;

  const chart = (...flags: string[]): string => withArns(templated('imds-anywhere', flags));
  const ARNS = [
    '--set=config.rolesAnywhere.trustAnchorArn=arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555',
    '--set=config.rolesAnywhere.profileArn=arn:aws:rolesanywhere:eu-central-1:123456789012:profile/66666666-7777-4888-9999-000000000000',
    '--set=config.roles[0].roleArn=arn:aws:iam::123456789012:role/Application',
  ];
  const rendered: Record<string, () => string> = {
    sidecar: () => kustomized('sidecar'),
    job: () => kustomized('job'),
    example: () => kustomized('example'),
    daemonset: () => kustomized('daemonset'),
    'pod-identity': () => kustomized('pod-identity'),
    'pod-identity-injection': () => kustomized('pod-identity-injection'),
    'pod-identity-injection-v1beta1': () => kustomized('pod-identity-injection-v1beta1'),
    'pod-identity-client': () => kustomized('pod-identity-client'),
    'from-signing-helper': () => kustomized('from-signing-helper'),
    'the chart as a sidecar': () => chart(...ARNS),
    'the chart for pods': () =>
      chart(
        '--values',
        path.join(CHART, 'values-pod-identity.yaml'),
        '--set=podIdentity.injection.enabled=true',
        ...ARNS,
      ),
  };

  test.each(Object.keys(rendered))('every field of %s is known, and its pods are admitted', async (name) => {
    const manifests = manifestsOf(rendered[name]?.() ?? '').filter(isOwn);
    expect(manifests.length).toBeGreaterThan(0);
    for (const manifest of manifests) await cluster.create(asServed(manifest), '&dryRun=All');
    const workloads = manifests.filter(({ kind }) => ['Deployment', 'DaemonSet', 'Job'].includes(kind));
    for (const workload of workloads) {
      const { metadata, spec } = podTemplateOf({ [workload.kind]: workload });
      const namespace = workload.metadata.namespace ?? 'application';
      const { serviceAccountName } = spec as { serviceAccountName?: string };
      if (serviceAccountName !== undefined) {
        await cluster.account(namespace, serviceAccountName);
        onTestFinished(async () => {
          await cluster.ask('DELETE', `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccountName}`);
        });
      }
      const manifest = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'pod', namespace }, spec };
      await cluster.create(manifest, '&dryRun=All');
    }
  });

  test('a CronJob takes the pod template of the Job as it is', async () => {
    const job = manifestsOf(kustomized('job')).find(({ kind }) => kind === 'Job');
    await cluster.create(
      {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: { name: 'application', namespace: 'application' },
        spec: { schedule: '0 3 * * *', jobTemplate: { spec: job?.['spec'] } },
      },
      '&dryRun=All',
    );
  });

  test('a misspelt field is rejected, so the checks above mean something', async () => {
    const [policy] = manifestsOf(kustomized('pod-identity')).filter(({ kind }) => kind === 'DaemonSet');
    const misspelt = JSON.parse(JSON.stringify(policy).replace('hostNetwork', 'hostNetworks')) as Manifest;
    await expect(cluster.create(misspelt, '&dryRun=All')).rejects.toThrow('unknown field');
  });
});
