import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { describeWith, hasTool } from '../support/tools.ts';
import { ApiServer, directoryIn } from './api-server.ts';
import { CHART, withArns } from './manifests.ts';

// The upgrade path of the chart, by Helm at a real API server. There are no nodes: nothing runs.

const present = hasTool('kube-apiserver', '--version') && hasTool('etcd', '--version') && hasTool('helm', 'version');

const NAMESPACE = 'aws';
const ADMISSION = '/apis/admissionregistration.k8s.io';
const BETA = 'admissionregistration.k8s.io/v1beta1';
const INJECTING = '--set=podIdentity.injection.enabled=true';

describeWith('kube-apiserver, etcd or helm', present, 'a release of the chart', () => {
  let cluster: ApiServer;
  let chart: string;

  beforeAll(async () => {
    cluster = await ApiServer.start();
    chart = await directoryIn(cluster, 'chart');
    await cp(CHART, chart, { recursive: true });
    for (const name of ['values.yaml', 'values-daemonset.yaml', 'values-pod-identity.yaml', 'Chart.yaml']) {
      const file = path.join(chart, name);
      // An API server that is built from source has no version.
      const text = withArns(await readFile(file, 'utf8')).replace(/^kubeVersion: .*$/m, '');
      await writeFile(file, text);
    }
    return cluster.close;
  }, 240_000);

  async function helm(...command: readonly string[]): Promise<void> {
    const at = ['--kube-apiserver', cluster.url, '--kube-ca-file', cluster.caFile, '--kube-token', 'admin-token'];
    const env = { PATH: process.env['PATH'], HOME: cluster.directory };
    await promisify(execFile)('helm', [...command, '--namespace', NAMESPACE, ...at], { env });
  }

  function deployed(values: string, ...flags: readonly string[]): Promise<void> {
    // The kinds of cert-manager and the Prometheus operator are not there.
    const without = ['--set=certificate.enabled=false', '--set=monitoring.podMonitor.enabled=false'];
    const file = path.join(chart, values);
    return helm('upgrade', '--install', '--create-namespace', 'aws', chart, '--values', file, ...without, ...flags);
  }

  /** The object, or undefined if there is none. */
  async function found(target: string): Promise<Record<string, unknown> | undefined> {
    const { status, body } = await cluster.ask('GET', target);
    return status === 200 ? body : undefined;
  }

  const policy = (version: string): Promise<Record<string, unknown> | undefined> =>
    found(`${ADMISSION}/${version}/mutatingadmissionpolicies/imds-anywhere`);

  test('goes from a DaemonSet for namespaces to one for service accounts, from v1beta1 to v1, and away', async () => {
    const daemonSet = `/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets/imds-anywhere`;
    const service = `/api/v1/namespaces/${NAMESPACE}/services/imds-anywhere`;
    await deployed('values-daemonset.yaml');
    expect(await found(daemonSet)).toMatchObject({
      spec: { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
    });
    expect(await found(service)).toBeDefined();
    expect(await policy('v1')).toBeUndefined();

    await deployed('values-pod-identity.yaml', INJECTING, `--set=podIdentity.injection.apiVersion=${BETA}`);
    expect(await found(daemonSet)).toMatchObject({
      spec: {
        // Both pods would listen on the addresses of the node.
        updateStrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
        template: { spec: { hostNetwork: true, serviceAccountName: 'imds-anywhere' } },
      },
    });
    expect(await found(service)).toBeUndefined();
    const before = await policy('v1beta1');
    expect(before).toBeDefined();

    await deployed('values-pod-identity.yaml', INJECTING, '--set=podIdentity.injection.tokenSeconds=3600');
    const after = await policy('v1');
    // The same object: between the two, no pod would have been without it.
    expect(after?.['metadata']).toMatchObject({ uid: (before?.['metadata'] as { uid: string }).uid });
    expect(JSON.stringify(after?.['spec'])).toContain('expirationSeconds: 3600');

    await deployed('values-pod-identity.yaml');
    expect(await policy('v1')).toBeUndefined();
    await helm('uninstall', 'aws');
    expect(await found(daemonSet)).toBeUndefined();
    expect(await found('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/imds-anywhere')).toBeUndefined();
  }, 180_000);
});
