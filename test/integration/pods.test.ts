import { readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { daemonMetrics } from '../../src/admin/metrics.ts';
import { statusOf } from '../../src/admin/status.ts';
import type { Config, KubernetesConfig } from '../../src/config/config.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { AUDIENCE, hasOpenssl, ISSUER, keySetText, kubernetesClaims, podClaims, SigningKey } from '../pods/cluster.ts';
import { freePort } from '../support/free-port.ts';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { without } from '../support/without.ts';
import { Scene } from './reloading.ts';

interface Reading {
  readonly status: number;
  readonly key: unknown;
}

async function read(daemon: Daemon, target: string, headers: Record<string, string> = {}): Promise<Reading> {
  const answer = await fetch(`${daemon.sharedAddresses.pods ?? ''}${target}`, { headers });
  return { status: answer.status, key: ((await answer.json()) as Record<string, unknown>)['AccessKeyId'] };
}

describeWith('openssl', hasOpenssl, 'pods at a daemon', () => {
  const key = new SigningKey('rsa-1');
  afterAll(() => {
    key.remove();
  });

  /** A token of a pod, good from now on. */
  function tokenOf(namespace: string, account: string, changes: Readonly<Record<string, unknown>> = {}): string {
    const now = Math.floor(Date.now() / 1_000);
    return key.token(
      podClaims({
        ...{ iat: now, nbf: now, exp: now + 600 },
        sub: `system:serviceaccount:${namespace}:${account}`,
        'kubernetes.io': kubernetesClaims({ namespace, serviceaccount: { name: account, uid: 'u' } }),
        ...changes,
      }),
    );
  }

  async function serving(changes: Partial<KubernetesConfig> = {}) {
    const scene = await Scene.open();
    const jwks = path.join(scene.directory, 'jwks.json');
    await writeFile(jwks, keySetText(key));
    const kubernetes: KubernetesConfig = {
      listen: [{ host: '127.0.0.1', port: 0 }],
      issuer: [ISSUER],
      audience: AUDIENCE,
      jwks: { from: 'file', path: jwks },
      node: 'any',
      sessionTags: false,
      roles: [
        { namespace: 'shop', serviceAccount: 'uploader', role: 'one' },
        { namespace: 'team-*', serviceAccount: '*', role: 'two' },
        { namespace: 'shop', serviceAccount: 'admin', role: 'one' },
        { namespace: 'shop', serviceAccount: 'admin', role: 'two' },
      ],
      ...changes,
    };
    const identity = await scene.write(await scene.issue());
    const audit = path.join(scene.directory, 'audit.jsonl');
    const config: Config = {
      ...scene.config(identity, without(scene.role('one'), 'imds'), without(scene.role('two'), 'imds')),
      container: { host: '127.0.0.1', port: 0, allowedHosts: [], tokens: [], kubernetes },
      audit: { to: 'file', path: audit },
    };
    const daemon = await scene.start(config);
    const lines = async (): Promise<Record<string, unknown>[]> =>
      (await readFile(audit, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    await eventually('sessions', 30_000, () =>
      daemon.snapshot().roles.every(({ current }) => current) ? true : undefined,
    );
    return { scene, daemon, config, kubernetes, jwks, lines };
  }

  test('get the role of their service account, and no other', async () => {
    const { daemon, scene, lines } = await serving();
    const [one, two] = daemon.snapshot().roles.map(({ current }) => current?.accessKeyId);
    expect(daemon.sharedAddresses.container).toBeUndefined();
    const asked = async (token: string, target = '/v1/credentials'): Promise<unknown[]> => {
      const reading = await read(daemon, target, { authorization: token });
      return [reading.status, reading.key];
    };
    expect(await asked(tokenOf('shop', 'uploader'))).toEqual([200, one]);
    expect(await asked(tokenOf('shop', 'uploader'), '/v1/credentials/one')).toEqual([200, one]);
    expect(await asked(tokenOf('shop', 'uploader'), '/v1/credentials/two')).toEqual([403, undefined]);
    expect(await asked(tokenOf('shop', 'uploader2'))).toEqual([403, undefined]);
    expect(await asked(tokenOf('shopping', 'uploader'))).toEqual([403, undefined]);
    expect(await asked(tokenOf('team-a', 'default'))).toEqual([200, two]);
    expect(await asked(tokenOf('team', 'default'))).toEqual([403, undefined]);
    expect(await asked(tokenOf('shop', 'admin'), '/v1/credentials/two')).toEqual([200, two]);
    expect(await asked(tokenOf('shop', 'admin'))).toEqual([404, undefined]);
    expect((await scene.calls()).total).toBe(2);
    const reads = (await lines()).filter(({ event }) => event === 'credentials.read');
    expect(reads[0]).toMatchObject({
      role: 'one',
      endpoint: 'pods',
      client: 'pod:77c8a0a2-1d7b-4a0e-8a3a-0d9b4d0e7c11',
      namespace: 'shop',
      serviceAccount: 'uploader',
      pod: 'uploader-5d9c7',
    });
    const denied = (await lines()).filter(({ event }) => event === 'credentials.denied');
    expect(denied.map(({ role, serviceAccount }) => [role, serviceAccount])).toEqual([
      ['two', 'uploader'],
      ['', 'uploader2'],
    ]);
  });

  test('get nothing without a valid token, and a new token of a pod costs no call', async () => {
    const { daemon, scene } = await serving();
    const now = Math.floor(Date.now() / 1_000);
    for (const token of [
      'x',
      tokenOf('shop', 'uploader', { aud: ['vault'] }),
      tokenOf('shop', 'uploader', { iat: now - 700, nbf: now - 700, exp: now - 100 }),
      tokenOf('shop', 'uploader').slice(0, -8),
    ])
      expect(await read(daemon, '/v1/credentials/one', { authorization: token })).toEqual({ status: 401 });
    expect(await read(daemon, '/v1/credentials/one')).toEqual({ status: 401 });
    await scene.says('POD_TOKEN_FOREIGN');
    for (let again = 0; again < 20; again += 1) {
      const authorization = tokenOf('shop', 'uploader', { jti: String(again) });
      expect(await read(daemon, '/v1/credentials/one', { authorization })).toMatchObject({ status: 200 });
    }
    expect((await scene.calls()).total).toBe(2);
  });

  test('two Authorization headers are no token', async () => {
    const { daemon } = await serving();
    const { port } = new URL(daemon.sharedAddresses.pods ?? '');
    const token = tokenOf('shop', 'uploader');
    const status = await new Promise((resolve, reject) => {
      const headers = ['Host', '127.0.0.1', 'Authorization', token, 'Authorization', token];
      http
        .request({ port, host: '127.0.0.1', path: '/v1/credentials', headers }, ({ statusCode }) => {
          resolve(statusCode);
        })
        .once('error', reject)
        .end();
    });
    expect(status).toBe(401);
  });

  test('follow the mapping and the address of a new configuration', async () => {
    const { daemon, config, kubernetes } = await serving();
    const authorization = tokenOf('shop', 'uploader');
    const before = daemon.sharedAddresses.pods;
    const changed = (changes: Partial<KubernetesConfig>): Config => ({
      ...config,
      container: {
        host: '127.0.0.1',
        port: 0,
        allowedHosts: [],
        tokens: [],
        kubernetes: { ...kubernetes, ...changes },
      },
    });
    // The token is known: what it may have is decided again.
    expect(await read(daemon, '/v1/credentials/one', { authorization })).toMatchObject({ status: 200 });
    await daemon.apply(changed({ roles: [{ namespace: 'shop', serviceAccount: 'uploader', role: 'two' }] }));
    expect(daemon.sharedAddresses.pods).toBe(before);
    expect(await read(daemon, '/v1/credentials/one', { authorization })).toEqual({ status: 403 });
    expect(await read(daemon, '/v1/credentials/two', { authorization })).toMatchObject({ status: 200 });
    await daemon.apply(changed({ audience: 'other' }));
    expect(await read(daemon, '/v1/credentials/one', { authorization })).toEqual({ status: 401 });
    await daemon.apply(without(config, 'container'));
    expect(daemon.sharedAddresses.pods).toBeUndefined();
    await expect(fetch(before ?? '')).rejects.toThrow();
  });

  test('are served at the addresses that the node has', async () => {
    const absent = { host: 'fd00:ec2::23', port: 0 };
    const { daemon, scene, config, kubernetes } = await serving({ listen: [absent, { host: '127.0.0.1', port: 0 }] });
    expect(daemon.sharedAddresses.pods).toMatch(/^http:\/\/127/);
    expect(scene.lines.map(({ message }) => message)).toContain('an address for pods is absent');
    const nowhere = { ...kubernetes, listen: [absent] };
    await expect(
      daemon.apply({
        ...config,
        container: { host: '127.0.0.1', port: 0, allowedHosts: [], tokens: [], kubernetes: nowhere },
      }),
    ).rejects.toMatchObject({ code: 'ENDPOINT_CANNOT_LISTEN' });
    const authorization = tokenOf('shop', 'uploader');
    expect(await read(daemon, '/v1/credentials/one', { authorization })).toMatchObject({ status: 200 });
  });

  test('keep an address that stays in the list', async () => {
    const { daemon, config, kubernetes } = await serving();
    const authorization = tokenOf('shop', 'uploader');
    const [usual, other] = [
      { host: '127.0.0.1', port: await freePort() },
      { host: '127.0.0.1', port: await freePort() },
    ];
    const at = (listen: KubernetesConfig['listen']): Promise<unknown> =>
      daemon.apply({
        ...config,
        container: { host: '127.0.0.1', port: 0, allowedHosts: [], tokens: [], kubernetes: { ...kubernetes, listen } },
      });
    const statusAt = async ({ port }: { readonly port: number }): Promise<number | undefined> =>
      fetch(`http://127.0.0.1:${port}/v1/credentials/one`, { headers: { authorization } }).then(
        ({ status }) => status,
        () => undefined,
      );
    await at([usual]);
    await at([usual, other]);
    expect([await statusAt(usual), await statusAt(other)]).toEqual([200, 200]);
    await at([other]);
    expect([await statusAt(usual), await statusAt(other)]).toEqual([undefined, 200]);
    await at([usual, other]);
    await at([usual]);
    expect([await statusAt(usual), await statusAt(other)]).toEqual([200, undefined]);
  });

  test('need the name of the node, and a cluster', async () => {
    const scene = await Scene.open();
    const { config } = await serving();
    const { container } = config;
    const changed = (changes: Partial<KubernetesConfig>): Config => ({
      ...config,
      audit: { to: 'file', path: path.join(scene.directory, 'audit.jsonl') },
      container: { ...container, kubernetes: { ...container?.kubernetes, ...changes } } as Config['container'] & object,
    });
    await expect(scene.start(changed({ node: { environment: 'NODE_NAME' } }))).rejects.toMatchObject({
      code: 'NODE_NAME_UNKNOWN',
    });
    await expect(scene.start(changed({ jwks: { from: 'in-cluster' } }))).rejects.toMatchObject({
      code: 'CLUSTER_UNKNOWN',
    });
  });

  test('whose keys come from a server are served after a restart without it', async () => {
    let answer = { status: 200, body: keySetText(key) };
    const bearers: unknown[] = [];
    const server = http.createServer(({ headers }, response) => {
      bearers.push(headers.authorization);
      response.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const scene = await Scene.open();
    const tokenFile = path.join(scene.directory, 'token');
    await writeFile(tokenFile, 'bearer-1\n');
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/openid/v1/jwks`;
    const { kubernetes } = await serving();
    const config: Config = {
      ...scene.config(
        await scene.write(await scene.issue()),
        without(scene.role('one'), 'imds'),
        without(scene.role('two'), 'imds'),
      ),
      state: { directory: path.join(scene.directory, 'state') },
      container: {
        ...{ host: '127.0.0.1', port: 0, allowedHosts: [], tokens: [] },
        kubernetes: { ...kubernetes, jwks: { from: 'url', url, tokenFile } },
      },
    };
    const first = await scene.start(config);
    const served = (daemon: Daemon): Promise<true> =>
      eventually('credentials', 30_000, async () =>
        (await read(daemon, '/v1/credentials/one', { authorization: tokenOf('shop', 'uploader') })).status === 200
          ? true
          : undefined,
      );
    await served(first);
    expect(bearers).toEqual(['Bearer bearer-1']);
    await first.stop();
    answer = { status: 403, body: '{}' };
    const second = await scene.start(config);
    await served(second);
    await scene.says('CLUSTER_KEYS_FORBIDDEN');
    // The other role may still wait for its session.
    const snapshot = await eventually('all sessions', 30_000, () => {
      const now = second.snapshot();
      return now.roles.every(({ current }) => current) ? now : undefined;
    });
    expect(statusOf(snapshot)).toMatchObject({
      readiness: 'degraded',
      endpointFault: { code: 'CLUSTER_KEYS_FORBIDDEN' },
    });
    expect(statusOf(snapshot).summary).toContain('keys of the cluster not read (CLUSTER_KEYS_FORBIDDEN)');
    const { body } = await daemonMetrics(() => snapshot).page();
    expect(body).toContain('imds_anywhere_endpoint_fault{code="CLUSTER_KEYS_FORBIDDEN"} 1');
  });
});
