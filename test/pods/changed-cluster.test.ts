import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Config, KubernetesConfig } from '../../src/config/config.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import { type Clock, systemClock } from '../../src/foundation/clock.ts';
import { podEndpoint } from '../../src/kubernetes/pod-endpoint.ts';
import { PodSessions } from '../../src/kubernetes/pod-sessions.ts';
import { grantedSession, HOUR } from '../sessions/support.ts';
import { configOf, roleOf } from '../support/configuration.ts';
import { describeWith } from '../support/tools.ts';
import { AUDIENCE, hasOpenssl, ISSUER, keySetText, podClaims, SigningKey } from './cluster.ts';

const PATIENCE = { timeout: 30_000 };

/** No wait ends by itself. @param slept - gets the time of each. */
function endlessClock(slept: (ms: number) => void): Clock {
  return {
    ...systemClock,
    sleep: (ms, signal) => {
      slept(ms);
      return new Promise((resolve) => {
        signal?.addEventListener('abort', () => {
          resolve();
        });
      });
    },
  };
}

/** A cluster whose answer waits for a call of `answer`. */
async function slowCluster(...keys: readonly SigningKey[]) {
  const waiting: http.ServerResponse[] = [];
  const server = http.createServer((_request, response) => void waiting.push(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const answer = (): Promise<unknown> =>
    vi.waitFor(() => waiting.at(0)?.end(keySetText(...keys)) ?? expect.fail('it was not asked'), PATIENCE);
  return { jwks: { from: 'url', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }, answer } as const;
}

function endpointOf() {
  const slept: number[] = [];
  const clock = endlessClock((ms) => slept.push(ms));
  const session = grantedSession(Date.now(), HOUR);
  const podSessions = new PodSessions({
    clock,
    keeperFor: () => {
      throw new Error('no pod has its own session');
    },
  });
  const endpoint = podEndpoint({
    ...{ clock, podSessions, environment: {}, userAgent: 'test', limits: serverLimits, log: () => undefined },
    roles: () => [{ ...roleOf('one'), session: { current: () => session, waitForFirst: () => Promise.resolve() } }],
    admits: () => true,
    answered: () => undefined,
    connected: undefined,
  });
  onTestFinished(() => endpoint.stop?.());
  /** A request waits for the keys. */
  const waits = (): Promise<void> =>
    vi.waitFor(() => {
      expect(slept).toContain(250);
    }, PATIENCE);
  return { endpoint, podSessions, waits };
}

describeWith('openssl', hasOpenssl, 'a pod whose token is verified while the cluster changes', () => {
  const [before, after] = [new SigningKey('before'), new SigningKey('after')];
  afterAll(() => {
    before.remove();
    after.remove();
  });

  const configured = (jwks: KubernetesConfig['jwks']): Config =>
    configOf({
      roles: [roleOf('one')],
      container: {
        ...{ host: '127.0.0.1', port: 0, allowedHosts: ['127.0.0.1'], tokens: [] },
        kubernetes: {
          ...{ listen: [{ host: '127.0.0.1', port: 0 }], issuer: [ISSUER], audience: AUDIENCE, node: 'any', jwks },
          ...{ sessionTags: false, roles: [{ namespace: 'shop', serviceAccount: 'uploader', role: 'one' }] },
        },
      },
    });

  test.each([
    ['gets nothing for the previous one', before, 401],
    ['gets its role for the new one', after, 200],
  ])('%s', async (_title, signer, status) => {
    const { endpoint, podSessions, waits } = endpointOf();
    const cluster = await slowCluster(before);
    await endpoint.apply(configured(cluster.jwks), undefined);
    const listener = await endpoint.wanted(configured(cluster.jwks))?.open();
    if (!listener) throw new Error('there is no endpoint');
    onTestFinished(listener.close);

    const now = Math.floor(Date.now() / 1_000);
    const authorization = signer.token(podClaims({ iat: now, nbf: now, exp: now + 600 }));
    const answered = fetch(`${listener.address}/v1/credentials/one`, { headers: { authorization } });
    await waits();
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-cluster-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = path.join(directory, 'jwks.json');
    await writeFile(file, keySetText(after));
    // The sessions of pods of the previous cluster take their time to end.
    let end: () => void = () => undefined;
    const ending = vi.spyOn(podSessions, 'keepOnly').mockReturnValue(new Promise((resolve) => (end = resolve)));
    const applied = endpoint.apply(configured({ from: 'file', path: file }), undefined);
    await vi.waitFor(() => {
      expect(ending).toHaveBeenCalled();
    }, PATIENCE);
    await cluster.answer();
    expect((await answered).status).toBe(status);
    end();
    await applied;
  });
});
