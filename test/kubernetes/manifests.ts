import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

export const DEPLOY = path.resolve(import.meta.dirname, '../../deploy');
export const CHART = path.join(DEPLOY, 'helm/imds-anywhere');

/** A Kubernetes object of unknown kind. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [key: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: string;
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
    readonly restartPolicy?: string;
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

/** The rendered overlay of deploy/kubernetes. */
export function kustomized(overlay: string): string {
  return execFileSync('kustomize', ['build', path.join(DEPLOY, 'kubernetes/overlays', overlay)], {
    encoding: 'utf8',
  });
}

/**
 * The manifests name no account, so that no pod waits for the role of an example. This is what an
 * operator fills in.
 */
export function withArns(text: string): string {
  return text
    .replaceAll(':ACCOUNT:', ':123456789012:')
    .replaceAll('trust-anchor/UUID', 'trust-anchor/11111111-2222-4333-8444-555555555555')
    .replaceAll('profile/UUID', 'profile/66666666-7777-4888-9999-000000000000');
}

/**
 * The rendered chart in a namespace. A helm built from source has no Kubernetes version, so pass
 * one.
 */
export function templated(namespace: string, flags: readonly string[] = [], chart = CHART): string {
  const args = ['template', 'imds-anywhere', chart, '--kube-version', '1.33.0', '--namespace', namespace, ...flags];
  return execFileSync('helm', args, { encoding: 'utf8', stdio: 'pipe' });
}

export function manifestsOf(yaml: string): readonly Manifest[] {
  const objects = parseAllDocuments(yaml).map((document) => document.toJS() as Manifest | null);
  return objects.filter((object) => object !== null);
}

/** By kind; no overlay has two of a kind, except policies for pods. */
export function objectsOf(yaml: string): Readonly<Record<string, Manifest>> {
  return Object.fromEntries(manifestsOf(yaml).map((object) => [object.kind, object]));
}

/** The pods of the only workload among the objects. */
export function podTemplateOf(objects: Readonly<Record<string, Manifest>>): PodTemplate {
  const workload = objects['Deployment'] ?? objects['DaemonSet'] ?? objects['Job'];
  return (workload?.['spec'] as { readonly template: PodTemplate }).template;
}

/** The configuration in the ConfigMap. */
export function configOf(objects: Readonly<Record<string, Manifest>>): string {
  return (objects['ConfigMap']?.['data'] as Record<string, string>)['config.yaml'] ?? '';
}
