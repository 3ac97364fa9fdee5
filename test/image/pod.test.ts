import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/tools.ts';
import { engineDirectory, NODE, Pod, WHO_AM_I } from './containers.ts';

/** Like SDKs for JavaScript: a token for every read, here on many connections at once. */
const MANY_READS = `const endpoint = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT;
  const read = async () => {
    const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '600' };
    const token = await (await fetch(endpoint + '/latest/api/token', { method: 'PUT', headers: ttl })).text();
    const path = endpoint + '/latest/meta-data/iam/security-credentials/device';
    const answer = await fetch(path, { headers: { 'x-aws-ec2-metadata-token': token } });
    await answer.text();
    return answer.status;
  };
  const seen = new Set();
  for (let round = 0; round < 250; round += 1)
    for (const status of await Promise.all(Array.from({ length: 16 }, read))) seen.add(status);
  console.log([...seen].join());`;

describeWith('buildah, podman and root', engineDirectory !== '', 'next to an application, as in a pod', () => {
  let pod: Pod;
  let daemon: string;

  beforeAll(async () => {
    pod = await Pod.open();
    daemon = await serving(pod);
    return () => pod.close();
  });

  test('an unmodified AWS SDK in another container signs with its session', async () => {
    expect(await pod.application(WHO_AM_I)).toMatch(/^arn:aws:sts::\d{12}:assumed-role\/device\/[0-9a-f]+$/);
  });

  test('4000 reads on 16 connections stay within 64 MiB, without a health check', async () => {
    const small = await Pod.open();
    try {
      const name = await serving(small, ['--memory', '64m', '--memory-swap', '64m']);
      expect(await small.application(MANY_READS)).toBe('200');
      expect(await stateOf(small, name)).toMatchObject({ Running: true, OOMKilled: false });
    } finally {
      await small.close();
    }
  });

  test('is healthy while it holds a session, also after those reads', async () => {
    expect(await pod.application(MANY_READS)).toBe('200');
    const text = await pod.engine.podman('exec', daemon, NODE, '/app/healthcheck.mjs');
    expect(text).toContain('has a usable session');
    await pod.engine.podman('healthcheck', 'run', daemon);
    expect(await stateOf(pod, daemon)).toMatchObject({ Running: true, OOMKilled: false });
  });

  test('SIGTERM to process 1 drains and ends with 0', async () => {
    const other = await Pod.open();
    try {
      const name = await serving(other);
      await other.engine.podman('stop', '--time', '30', name);
      // 137 would mean SIGKILL, after an ignored first signal.
      expect(await stateOf(other, name)).toMatchObject({ Running: false, ExitCode: 0, OOMKilled: false });
      expect(await other.engine.printed(name)).toContain('"msg":"stopped"');
    } finally {
      await other.close();
    }
  });

  test('is unhealthy before the first session', async () => {
    const lonely = await Pod.open();
    try {
      const config = lonely.config.replaceAll('127.0.0.1:8700', '127.0.0.1:1');
      await writeFile(path.join(lonely.account, 'config.yaml'), config);
      const name = await lonely.run('daemon', [], ['serve', '/account/config.yaml']);
      await lonely.says(name, /RA_CONNECTION_REFUSED/);
      await expect(lonely.engine.podman('healthcheck', 'run', name)).rejects.toThrow();
    } finally {
      await lonely.close();
    }
  });
});

async function serving(pod: Pod, options: readonly string[] = []): Promise<string> {
  await writeFile(path.join(pod.account, 'config.yaml'), pod.config);
  const daemon = await pod.run('daemon', options, ['serve', '/account/config.yaml']);
  await pod.says(daemon, /role session granted/);
  return daemon;
}

async function stateOf(pod: Pod, name: string): Promise<unknown> {
  return JSON.parse(await pod.engine.podman('inspect', '--format', '{{json .State}}', name));
}
