import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { describeWith, hasTool } from '../support/tools.ts';
import { kustomized } from './manifests.ts';

const present = hasTool('kustomize', 'version') && hasTool('sh', '-c', 'strict-manifests </dev/null');

const strictly = (yaml: string): { code: number | null; said: string } => {
  const { status, stdout, stderr } = spawnSync('strict-manifests', { input: yaml, encoding: 'utf8' });
  return { code: status, said: stdout + stderr };
};

/** The rest needs more than the restricted standard; test/kubernetes/injection.test.ts applies all of it. */
const policiesOf = (overlay: string): string =>
  kustomized(overlay)
    .split('---\n')
    .filter((document) => document.includes('\nkind: MutatingAdmissionPolicy'))
    .join('---\n');

describeWith('kustomize or strict-manifests', present, "by Kubernetes' own code", () => {
  test.each([
    ['sidecar', 'Deployment application', 5],
    ['daemonset', 'DaemonSet imds-anywhere', 6],
    ['example', 'Deployment application', 5],
    ['job', 'Job application', 5],
    ['from-signing-helper', 'Deployment application', 1],
  ])('%s: every field is known, and its pods pass the restricted standard', (overlay, workload, count) => {
    const { code, said } = strictly(kustomized(overlay));
    expect(said).toContain(`${workload}: fields known, pod security restricted`);
    expect(said.match(/: fields known/g)).toHaveLength(count);
    expect(code).toBe(0);
  });

  test('pod-identity-injection: every field of its policies is known, as v1', () => {
    const { code, said } = strictly(policiesOf('pod-identity-injection'));
    expect(said.match(/^MutatingAdmissionPolicy(Binding)? [\w-]+: fields known$/gm)).toHaveLength(4);
    expect(code).toBe(0);
    const { said: complaint } = strictly(
      policiesOf('pod-identity-injection').replaceAll('matchConditions:', 'matchCondition:'),
    );
    expect(complaint).toContain('unknown field "spec.matchCondition"');
  });

  test.each([
    [
      'an unknown field',
      'startupProbe:',
      'startupProb:',
      'unknown field "spec.template.spec.initContainers[0].startupProb"',
    ],
    ['an unknown field of cert-manager', 'renewBefore:', 'renewalBefore:', 'unknown field "spec.renewalBefore"'],
    ['an unknown field of the Prometheus operator', 'interval:', 'intervals:', 'podMetricsEndpoints[0].intervals'],
    ['a wrong type', 'containerPort: 9910', 'containerPort: admin', 'cannot unmarshal string'],
    ['a pod that may be root', 'runAsNonRoot: true', 'runAsNonRoot: false', 'runAsNonRoot != true'],
    ['a pod with its capabilities', 'drop:', 'add:', 'unrestricted capabilities'],
  ])('rejects %s', (_, good, bad, complaint) => {
    const { code, said } = strictly(kustomized('sidecar').replaceAll(good, bad));
    expect(said).toContain(complaint);
    expect(code).toBe(1);
  });
});
