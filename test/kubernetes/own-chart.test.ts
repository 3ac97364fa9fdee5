import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { describeWith, hasTool } from '../support/tools.ts';
import { DEPLOY, kustomized, objectsOf, podTemplateOf } from './manifests.ts';

// The example in docs/kubernetes.md of a chart that has imds-anywhere's as a dependency.

const CHART = `apiVersion: v2
name: own
version: 1.0.0
dependencies:
  - name: imds-anywhere
    version: 0.1.0
`;

const VALUES = `imds-anywhere:
  mode: none
  config:
    rolesAnywhere:
      trustAnchorArn: arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555
      profileArn: arn:aws:rolesanywhere:eu-central-1:123456789012:profile/66666666-7777-4888-9999-000000000000
    roles:
      - roleArn: arn:aws:iam::123456789012:role/Own
        imds: { listen: '127.0.0.1:9911' }
`;

const DEPLOYMENT = `{{- $imds := index .Subcharts "imds-anywhere" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: own
spec:
  template:
    spec:
      initContainers:
        - {{- include "imds-anywhere.sidecar" $imds | nindent 10 }}
      containers:
        - name: own
          image: own
      volumes:
        {{- include "imds-anywhere.volumes" $imds | nindent 8 }}
`;

describeWith(
  'kustomize or helm',
  hasTool('kustomize', 'version') && hasTool('helm', 'version'),
  'a chart of your own',
  () => {
    test('uses sidecar and volumes of the chart, and only its own workload', async () => {
      const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-chart-'));
      onTestFinished(() => rm(directory, { recursive: true }));
      await mkdir(path.join(directory, 'templates'));
      await cp(path.join(DEPLOY, 'helm/imds-anywhere'), path.join(directory, 'charts/imds-anywhere'), {
        recursive: true,
      });
      await writeFile(path.join(directory, 'Chart.yaml'), CHART);
      await writeFile(path.join(directory, 'values.yaml'), VALUES);
      await writeFile(path.join(directory, 'templates/deployment.yaml'), DEPLOYMENT);
      const rendered = execFileSync('helm', ['template', 'own', directory, '--kube-version', '1.33.0'], {
        encoding: 'utf8',
      });
      expect(rendered.match(/^kind: Deployment$/gm)).toHaveLength(1);
      const { initContainers, volumes } = podTemplateOf(objectsOf(rendered)).spec;
      const expected = podTemplateOf(objectsOf(kustomized('sidecar'))).spec;
      expect({ initContainers, volumes }).toEqual({
        initContainers: expected.initContainers,
        volumes: expected.volumes,
      });
    });
  },
);
