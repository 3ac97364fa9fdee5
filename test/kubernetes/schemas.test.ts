import path from 'node:path';
import { expect, test } from 'vitest';
import { describeWith, hasTool } from '../support/tools.ts';
import { kustomized, type Manifest, objectsOf } from './manifests.ts';

// Required fields and enumerations, which strict decoding does not check.

const MODULES = path.resolve(import.meta.dirname, '../../.cache/kubernetes-models/node_modules');
const PACKAGES: Readonly<Record<string, string>> = {
  'cert-manager.io/v1': '@kubernetes-models/cert-manager',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator',
};

type Model = new (object: unknown) => { validate(): void };

/** @throws with everything that the schema rejects. */
async function validate(object: Manifest): Promise<void> {
  const { apiVersion, kind } = object;
  const file = path.join(MODULES, PACKAGES[apiVersion] ?? 'kubernetes-models', apiVersion, `${kind}.js`);
  const module = (await import(file)) as { default?: Record<string, Model> } & Record<string, Model>;
  const Model = module[kind] ?? module.default?.[kind];
  if (!Model) throw new Error(`there is no schema of ${apiVersion} ${kind}`);
  new Model(object).validate();
}

const present = hasTool('kustomize', 'version') && hasTool('test', '-d', MODULES);

describeWith('kustomize or kubernetes-models', present, 'by the schemas', () => {
  test.each([
    ['sidecar', 5],
    ['daemonset', 6],
    ['example', 5],
    ['job', 5],
    ['from-signing-helper', 1],
  ])('%s is complete', async (overlay, count) => {
    const objects = Object.values(objectsOf(kustomized(overlay)));
    expect(objects).toHaveLength(count);
    for (const object of objects) await validate(object);
  });

  test.each([
    ['a certificate without its issuer', 'Certificate', /issuerRef:\n(?: {4}.*\n)+/, 'issuerRef'],
    ['a probe without its port', 'Deployment', /port: admin/g, 'must have required property port'],
    [
      'a monitor without its selector',
      'PodMonitor',
      /selector:\n {4}matchLabels:\n {6}imds-anywhere\/scrape: "true"/g,
      'selector',
    ],
  ])('rejects %s', async (_, kind, part, complaint) => {
    const object = objectsOf(kustomized('sidecar').replace(part, ''))[kind] as Manifest;
    await expect(validate(object)).rejects.toThrow(complaint);
  });
});
