import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import {
  configOf,
  DEPLOY,
  kustomized,
  objectsOf,
  podTemplateOf,
  templated,
  type Container,
  type Manifest,
} from './manifests.ts';

const FOR_DAEMONSET = path.join(DEPLOY, 'helm/imds-anywhere/values-daemonset.yaml');
const OVERLAYS = ['sidecar', 'daemonset'];
const kustomize = hasTool('kustomize', 'version');
const helm = hasTool('helm', 'version');

const allContainers = (overlay: string): Container[] => {
  const { initContainers = [], containers } = podTemplateOf(objectsOf(kustomized(overlay))).spec;
  return [...initContainers, ...containers];
};

describeWith('kustomize', kustomize, 'manifests', () => {
  test.each(OVERLAYS)('%s: the program takes its configuration', async (overlay) => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-manifests-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = path.join(directory, 'config.yaml');
    await writeFile(file, configOf(objectsOf(kustomized(overlay))));
    const { identity, admin, roles } = await loadConfig(file);
    expect(identity).toMatchObject({ certificate: '/identity/tls.crt', privateKey: '/identity/tls.key' });
    expect(admin?.listen?.port).toBe(9910);
    expect(roles.map(({ imds }) => imds?.port)).toEqual([9911]);
  });

  test('sidecar: the door is on loopback, so that only the pod gets credentials', () => {
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

  test('both ways run the image that both documents name', () => {
    const images = OVERLAYS.flatMap(allContainers).filter(({ name }) => name === 'imds-anywhere');
    expect(new Set(images.map(({ image }) => image))).toEqual(new Set(['imds-anywhere:0.1.0']));
  });
});

describeWith('kustomize or helm', kustomize && helm, 'the Helm chart', () => {
  test.each([
    ['sidecar', 'application', []],
    ['daemonset', 'imds-anywhere', ['--values', FOR_DAEMONSET]],
  ])('makes the same objects as the overlay %s', (overlay, namespace, flags) => {
    expect(comparable(templated(namespace, ...flags))).toEqual(comparable(kustomized(overlay)));
  });

  test('opens every door of the daemonset: container, service and policy', async () => {
    const door = (port: number): object => ({ listen: `0.0.0.0:${port}`, allowNonLoopback: true });
    const roles = ['Reader', 'Writer'].map((name, index) => ({
      roleArn: `arn:aws:iam::123456789012:role/${name}`,
      imds: door(9911 + index),
    }));
    const values = await valuesFile({ name: 'aws', config: { roles } });
    const objects = objectsOf(templated('aws', '--values', FOR_DAEMONSET, '--values', values));
    const [container] = podTemplateOf(objects).spec.containers;
    const { ports } = objects['Service']?.['spec'] as { ports: { port: number; targetPort: string }[] };
    expect(ports.map(({ port }) => port)).toEqual([9911, 9912]);
    for (const { port, targetPort } of ports)
      expect(container?.ports).toContainEqual({ name: targetPort, containerPort: port, protocol: 'TCP' });
    const { ingress } = objects['NetworkPolicy']?.['spec'] as { ingress: [{ ports: { port: number }[] }] };
    expect(ingress[0].ports.map(({ port }) => port)).toEqual([9911, 9912]);
  });

  test('gives all but the application the name it is told, so that a namespace can have two', () => {
    const { Deployment, ...others } = objectsOf(templated('application', '--set=name=second'));
    expect(Deployment?.metadata.name).toBe('application');
    expect(new Set(Object.values(others).map(({ metadata }) => metadata.name))).toEqual(new Set(['second']));
    const volumes = podTemplateOf({ Deployment } as Record<string, Manifest>).spec.volumes;
    expect(volumes).toContainEqual({ name: 'imds-anywhere-config', configMap: { name: 'second' } });
  });

  test('gives the daemon its environment, and the pod the secrets of its registry', async () => {
    const env = [{ name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' }];
    const values = await valuesFile({ env, image: { pullSecrets: [{ name: 'registry' }] } });
    const { spec } = podTemplateOf(objectsOf(templated('application', '--values', values)));
    expect(spec).toMatchObject({ initContainers: [{ env }], imagePullSecrets: [{ name: 'registry' }] });
  });

  test.each([
    ['a mode there is not', '--set=mode=sidcar', '/mode'],
    ['a value there is not', '--set=resource.limits.memory=1Gi', 'resource'],
    ['a name that is no label', `--set=application.name=${'n'.repeat(64)}`, '/application/name'],
    ['no certificate where it is to be said', '--set=certificate=null', 'certificate'],
  ])('refuses %s', (_, flag, complaint) => {
    expect(() => templated('application', flag)).toThrow(complaint);
  });

  test('makes only what is asked for', () => {
    const off = ['certificate', 'monitoring.podMonitor', 'networkPolicy'].map((part) => `--set=${part}.enabled=false`);
    expect(Object.keys(objectsOf(templated('application', ...off))).sort()).toEqual(['ConfigMap', 'Deployment']);
  });
});

async function valuesFile(values: object): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-values-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = path.join(directory, 'values.json');
  await writeFile(file, JSON.stringify(values));
  return file;
}

/** The configuration is text within the manifest: it may differ in its comments. */
function comparable(yaml: string): unknown {
  const objects = objectsOf(yaml);
  return { ...objects, ConfigMap: { ...objects['ConfigMap'], data: parse(configOf(objects)) as unknown } };
}
