import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

export const DEPLOY = path.resolve(import.meta.dirname, '../../deploy');

/** A Kubernetes object as it is written: nothing is known of it but its form. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [key: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

/** What an overlay of deploy/kubernetes comes to. */
export function kustomized(overlay: string): string {
  return execFileSync('kustomize', ['build', path.join(DEPLOY, 'kubernetes/overlays', overlay)], {
    encoding: 'utf8',
  });
}

/** What the chart comes to in a namespace. A helm built from source knows no Kubernetes version, so it is told one. */
export function templated(namespace: string, ...flags: string[]): string {
  const chart = path.join(DEPLOY, 'helm/imds-anywhere');
  const args = ['template', 'imds-anywhere', chart, '--kube-version', '1.33.0', '--namespace', namespace, ...flags];
  return execFileSync('helm', args, { encoding: 'utf8', stdio: 'pipe' });
}

/** By kind; no two of a kind are in one overlay. */
export function objectsOf(yaml: string): Readonly<Record<string, Manifest>> {
  const objects = parseAllDocuments(yaml).map((document) => document.toJS() as Manifest | null);
  return Object.fromEntries(objects.filter((object) => object !== null).map((object) => [object.kind, object]));
}

/** The pods of the one workload among the objects. */
export function podTemplateOf(objects: Readonly<Record<string, Manifest>>): PodTemplate {
  const workload = objects['Deployment'] ?? objects['DaemonSet'];
  return (workload?.['spec'] as { readonly template: PodTemplate }).template;
}

/** The configuration in the ConfigMap. */
export function configOf(objects: Readonly<Record<string, Manifest>>): string {
  return (objects['ConfigMap']?.['data'] as Record<string, string>)['config.yaml'] ?? '';
}
