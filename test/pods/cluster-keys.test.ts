import { afterAll, expect, it } from 'vitest';
import { ClusterKeys } from '../../src/kubernetes/cluster-keys.ts';
import { readKeySet } from '../../src/kubernetes/key-set.ts';
import { podTokenVerifier } from '../../src/kubernetes/pod-token.ts';
import { Pods } from '../../src/kubernetes/pods.ts';
import { recordingLog } from '../sessions/support.ts';
import { describeWith } from '../support/tools.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { AUDIENCE, hasOpenssl, ISSUER, keySetText, NOW, podClaims, SigningKey } from './cluster.ts';

interface Cluster {
  /** What it publishes: a key set, or an error. */
  answer: string | Error;
  fetches: number;
}

function opened(cluster: Cluster, stored?: string) {
  const clock = new VirtualClock(NOW);
  const { log, lines } = recordingLog();
  const written: string[] = [];
  const keys = new ClusterKeys({
    read: () => {
      cluster.fetches += 1;
      return cluster.answer instanceof Error ? Promise.reject(cluster.answer) : Promise.resolve(cluster.answer);
    },
    kept: { read: () => Promise.resolve(stored), write: (text) => written.push(text) },
    clock,
    log,
  });
  keys.start();
  return { keys, clock, lines, written };
}

describeWith('openssl', hasOpenssl, 'the keys of a cluster', () => {
  const first = new SigningKey('first');
  const second = new SigningKey('second', 'P-256');
  afterAll(() => {
    for (const key of [first, second]) key.remove();
  });
  const idsOf = ({ keys }: { readonly keys: ClusterKeys }): string[] => [...(keys.current?.keys() ?? [])];

  it('are read at the start, stored, and read again every five minutes', async () => {
    const cluster = { answer: keySetText(first), fetches: 0 };
    const open = opened(cluster);
    await open.clock.advance(1);
    expect([idsOf(open), open.written.length]).toEqual([['first'], 1]);
    cluster.answer = keySetText(second);
    await open.clock.advance(5 * 60_000);
    expect([idsOf(open), cluster.fetches, open.written.length]).toEqual([['second'], 2, 2]);
    await open.clock.advance(10 * 60_000);
    expect([cluster.fetches, open.written.length]).toEqual([4, 2]);
    await open.keys.stop();
  });

  it.each([
    ['the server is away', new Error('connect ECONNREFUSED')],
    ['the set is empty', '{"keys":[]}'],
    ['the answer is a page', '<html>'],
    ['the answer is null', 'null'],
    ['only other keys are left', '{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}'],
  ])('stay in use where %s, which is logged once', async (_, answer) => {
    const cluster: Cluster = { answer: keySetText(first), fetches: 0 };
    const open = opened(cluster);
    await open.clock.advance(1);
    cluster.answer = answer;
    await open.clock.advance(3_600_000);
    expect(idsOf(open)).toEqual(['first']);
    expect(open.keys.fault?.code).toBe(answer instanceof Error ? 'CLUSTER_KEYS_UNAVAILABLE' : 'CLUSTER_KEYS_INVALID');
    expect(open.lines.filter(({ message }) => message === 'cluster keys not read')).toHaveLength(1);
    cluster.answer = keySetText(first, second);
    await open.clock.advance(30_000);
    expect([idsOf(open), open.keys.fault]).toEqual([['first', 'second'], undefined]);
    await open.keys.stop();
  });

  it('outlive a restart without the server', async () => {
    const open = opened({ answer: new Error('connect ECONNREFUSED'), fetches: 0 }, keySetText(first));
    await open.clock.advance(1);
    expect(idsOf(open)).toEqual(['first']);
    await open.keys.stop();
  });

  it('are not taken from a damaged store', async () => {
    const open = opened({ answer: new Error('connect ECONNREFUSED'), fetches: 0 }, '{"keys":');
    await open.clock.advance(1);
    expect(open.keys.current).toBeUndefined();
    await open.keys.stop();
  });

  it('are asked for at most once in 30 seconds, whatever comes', async () => {
    const cluster: Cluster = { answer: keySetText(first), fetches: 0 };
    const open = opened(cluster);
    await open.clock.advance(1);
    cluster.answer = new Error('connect ECONNREFUSED');
    const verify = await podTokenVerifier({ issuers: [ISSUER], audience: AUDIENCE, node: undefined });
    const pods = new Pods({ keys: open.keys, verify, clock: open.clock });
    const unknown = second.token(podClaims());
    const flood = (): Promise<unknown[]> =>
      Promise.all(Array.from({ length: 500 }, async (_, index) => pods.podOf(`${unknown}${index}`)));
    for (const found of await flood()) expect(found).toMatchObject({ code: 'POD_TOKEN_KEY_UNKNOWN' });
    // The one at the start was less than 30 seconds ago.
    expect(cluster.fetches).toBe(1);
    expect(await pods.podOf(first.token(podClaims()))).toMatchObject({ serviceAccount: 'uploader' });
    await open.clock.advance(30_000);
    await flood();
    expect(cluster.fetches).toBe(2);
    expect(await pods.podOf(first.token(podClaims()))).toMatchObject({ serviceAccount: 'uploader' });
    await open.keys.stop();
  });

  it('are followed through a rotation, and a removed one opens nothing any more', async () => {
    const cluster: Cluster = { answer: keySetText(first), fetches: 0 };
    const open = opened(cluster);
    await open.clock.advance(1);
    const verify = await podTokenVerifier({ issuers: [ISSUER], audience: AUDIENCE, node: undefined });
    const pods = new Pods({ keys: open.keys, verify, clock: open.clock });
    const [old, young] = [first.token(podClaims()), second.token(podClaims())];
    expect(await pods.podOf(old)).toMatchObject({ pod: 'uploader-5d9c7' });
    cluster.answer = keySetText(first, second);
    await open.clock.advance(31_000);
    expect(await pods.podOf(young)).toMatchObject({ pod: 'uploader-5d9c7' });
    expect(await pods.podOf(old)).toMatchObject({ pod: 'uploader-5d9c7' });
    cluster.answer = keySetText(second);
    await open.clock.advance(5 * 60_000);
    expect(await pods.podOf(old)).toMatchObject({ code: 'POD_TOKEN_KEY_UNKNOWN' });
    expect(await pods.podOf(young)).toMatchObject({ pod: 'uploader-5d9c7' });
    await open.keys.stop();
  });

  it('let a request wait a quarter of a second, and not longer', async () => {
    const clock = new VirtualClock(NOW);
    const keys = { current: undefined, renew: () => new Promise<void>(() => undefined) };
    const verify = await podTokenVerifier({ issuers: [ISSUER], audience: AUDIENCE, node: undefined });
    const found = new Pods({ keys, verify, clock }).podOf(first.token(podClaims()));
    await clock.advance(250);
    expect(await found).toMatchObject({ code: 'CLUSTER_KEYS_UNAVAILABLE', kind: 'transient' });
  });
});

describeWith('openssl', hasOpenssl, 'a verified token', () => {
  const key = new SigningKey('first');
  afterAll(() => {
    key.remove();
  });

  it('is known at once until it expires, and replaying it later opens nothing', async () => {
    const clock = new VirtualClock(NOW);
    const keys = { current: readKeySet(keySetText(key)), renew: () => Promise.resolve() };
    let verified = 0;
    const really = await podTokenVerifier({ issuers: [ISSUER], audience: AUDIENCE, node: undefined });
    const pods = new Pods({ keys, verify: (...given) => ((verified += 1), really(...given)), clock });
    const token = key.token(podClaims());
    await pods.podOf(token);
    expect(pods.podOf(token)).toMatchObject({ podUid: '77c8a0a2-1d7b-4a0e-8a3a-0d9b4d0e7c11' });
    expect(verified).toBe(1);
    await clock.advance(600_000);
    expect(await pods.podOf(token)).toMatchObject({ code: 'POD_TOKEN_EXPIRED' });
  });

  it('is one of at most a thousand that are remembered', async () => {
    const clock = new VirtualClock(NOW);
    const keys = { current: readKeySet(keySetText(key)), renew: () => Promise.resolve() };
    const pod = { namespace: 'a', serviceAccount: 'b', pod: 'c', podUid: 'd', expiresAt: NOW + 600_000 };
    const pods = new Pods({ keys, verify: () => Promise.resolve(pod), clock });
    await pods.podOf('token-0');
    await pods.podOf('token-1');
    for (let index = 2; index <= 1_000; index += 1) {
      await pods.podOf(`token-${index}`);
      // Used again and again, so it stays.
      expect(pods.podOf('token-0')).toBe(pod);
    }
    expect(pods.podOf('token-1')).toBeInstanceOf(Promise);
  });
});

describeWith('openssl', hasOpenssl, 'a key set', () => {
  const [rsa, weak, twice] = [new SigningKey('rsa'), new SigningKey('weak', 'rsa1024'), new SigningKey('twice')];
  afterAll(() => {
    for (const key of [rsa, weak, twice]) key.remove();
  });

  it.each([
    ['of 1024 bits', () => ({ ...weak.jwk })],
    ['without an id', () => ({ ...rsa.jwk, kid: undefined })],
    ['for encryption', () => ({ ...rsa.jwk, use: 'enc' })],
    ['for another algorithm', () => ({ ...rsa.jwk, alg: 'PS256' })],
    ['without its modulus', () => ({ ...rsa.jwk, n: undefined })],
    ['on no curve', () => ({ kty: 'EC', kid: 'ec', crv: 'P-256', x: 'AA', y: 'AA' })],
    ['of a secret', () => ({ kty: 'oct', kid: 'secret', k: 'AAAA' })],
    ['that is a word', () => 'key'],
  ])('has no use for a key %s', (_, made) => {
    const keys = readKeySet(JSON.stringify({ keys: [rsa.jwk, made()] }));
    expect([...keys.keys()]).toEqual(['rsa']);
  });

  it('has no use for two keys of one id, and no private parts', () => {
    const text = JSON.stringify({
      keys: [{ ...rsa.jwk, d: 'AAAA' }, twice.jwk, { ...rsa.jwk, kid: 'twice' }],
    });
    const keys = readKeySet(text);
    expect([...keys.keys()]).toEqual(['rsa']);
    expect(keys.get('rsa')).not.toHaveProperty('d');
  });
});
