import { beforeAll, expect, it } from 'vitest';
import { type KeySet, readKeySet } from '../../src/kubernetes/key-set.ts';
import { podTokenVerifier, type VerifyPodToken } from '../../src/kubernetes/pod-token.ts';
import { describeWith } from '../support/tools.ts';
import {
  AUDIENCE,
  encoded,
  hasOpenssl,
  hmac,
  ISSUER,
  keySetText,
  kubernetesClaims,
  NOW,
  podClaims,
  SigningKey,
} from './cluster.ts';

const YEAR = 365 * 86_400;
const API = ISSUER;

/** Of a Secret of type kubernetes.io/service-account-token, signed with the same key. */
const legacyClaims = {
  iss: 'kubernetes/serviceaccount',
  'kubernetes.io/serviceaccount/namespace': 'shop',
  'kubernetes.io/serviceaccount/secret.name': 'uploader-token',
  'kubernetes.io/serviceaccount/service-account.name': 'uploader',
  sub: 'system:serviceaccount:shop:uploader',
};

describeWith('openssl', hasOpenssl, 'tokens of pods', () => {
  let rsa: SigningKey, ec: SigningKey, wide: SigningKey, attacker: SigningKey;
  let keys: KeySet;
  let verify: VerifyPodToken;

  beforeAll(async () => {
    [rsa, ec, wide] = [new SigningKey('rsa-1'), new SigningKey('ec-1', 'P-256'), new SigningKey('ec-2', 'P-384')];
    // Claims to be the first key.
    attacker = new SigningKey('rsa-1');
    keys = readKeySet(keySetText(rsa, ec, wide));
    verify = await podTokenVerifier({ issuers: ['https://other.example', ISSUER], audience: AUDIENCE, node: 'node-a' });
    return () => {
      for (const key of [rsa, ec, wide, attacker]) key.remove();
    };
  });

  /** What the verifier makes of it. */
  async function verdict(token: string): Promise<unknown> {
    return verify(token, keys, NOW).catch((error: unknown) => (error as { code?: unknown }).code);
  }

  /** A part of a token replaced. */
  function changed(token: string, index: number, part: string): string {
    return token
      .split('.')
      .map((old, position) => (position === index ? part : old))
      .join('.');
  }

  const good: Record<string, () => string> = {
    'signed with RSA': () => rsa.token(podClaims()),
    'signed with P-256': () => ec.token(podClaims()),
    'signed with P-384': () => wide.token(podClaims()),
    'of the other issuer': () => rsa.token(podClaims({ iss: 'https://other.example' })),
    'in its last second': () => rsa.token(podClaims({}, [-599, 1])),
    'of a cluster whose clock is ahead a little': () => rsa.token(podClaims({}, [29, 600])),
    'of exactly one day': () => rsa.token(podClaims({}, [0, 86_400])),
    'whose audience is no list': () => rsa.token(podClaims({ aud: AUDIENCE })),
    'with a type': () => rsa.token(podClaims(), { typ: 'JWT' }),
  };

  it.each(Object.keys(good))('are accepted: %s', async (name) => {
    expect(await verdict(good[name]?.() ?? '')).toMatchObject({
      namespace: 'shop',
      serviceAccount: 'uploader',
      pod: 'uploader-5d9c7',
      podUid: '77c8a0a2-1d7b-4a0e-8a3a-0d9b4d0e7c11',
    });
  });

  const unsigned = (alg: string): string => `${encoded({ alg, kid: 'rsa-1' })}.${encoded(podClaims())}.`;
  const withSecret = (secret: string | Buffer): string => {
    const message = `${encoded({ alg: 'HS256', kid: 'rsa-1' })}.${encoded(podClaims())}`;
    return `${message}.${hmac(message, secret).toString('base64url')}`;
  };
  const withoutKid = (key: SigningKey): string => {
    const message = `${encoded({ alg: 'RS256' })}.${encoded(podClaims())}`;
    return `${message}.${key.sign(message).toString('base64url')}`;
  };
  const withoutClaim = (name: string): string => rsa.token({ ...podClaims(), [name]: undefined });
  const ofNames = (changes: Readonly<Record<string, unknown>>, subject?: string): string =>
    rsa.token(
      podClaims({ 'kubernetes.io': kubernetesClaims(changes), ...(subject !== undefined && { sub: subject }) }),
    );

  const hostile: Record<string, readonly [code: string, token: () => string]> = {
    // Nothing, and not a token.
    'an empty one': ['POD_TOKEN_INVALID', () => ''],
    'a word': ['POD_TOKEN_INVALID', () => 'token'],
    'two dots': ['POD_TOKEN_INVALID', () => '..'],
    'with Bearer before it': ['POD_TOKEN_INVALID', () => `Bearer ${rsa.token(podClaims())}`],
    'a null byte before it': ['POD_TOKEN_INVALID', () => `\0${rsa.token(podClaims())}`],
    'a header that is no object': ['POD_TOKEN_INVALID', () => changed(rsa.token(podClaims()), 0, encoded('"RS256"'))],
    'a header of null': ['POD_TOKEN_INVALID', () => changed(rsa.token(podClaims()), 0, encoded('null'))],
    'a header of 5 MB': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { more: 'x'.repeat(5_000_000) })],
    'a payload of 100 kB': ['POD_TOKEN_INVALID', () => rsa.token(podClaims({ more: 'x'.repeat(100_000) }))],
    'a deep payload': ['POD_TOKEN_INVALID', () => rsa.token(`${'['.repeat(2_000)}${']'.repeat(2_000)}`)],
    'encrypted, in five parts': ['POD_TOKEN_INVALID', () => `${rsa.token(podClaims())}.AA.AA`],
    'in JSON': ['POD_TOKEN_INVALID', () => JSON.stringify({ payload: encoded(podClaims()), signatures: [] })],
    'a token in a token': ['POD_TOKEN_INVALID', () => rsa.token(rsa.token(podClaims()), { cty: 'JWT' })],
    // The algorithm is the cluster's.
    'alg none': ['POD_TOKEN_INVALID', () => unsigned('none')],
    'alg None': ['POD_TOKEN_INVALID', () => unsigned('None')],
    'alg nOnE with a signature': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { alg: 'nOnE' })],
    'no alg': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { alg: undefined })],
    'a list of algs': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { alg: ['RS256'] })],
    'HS256 with the public key as PEM': ['POD_TOKEN_INVALID', () => withSecret(rsa.publicPem)],
    'HS256 with the PEM without its last newline': ['POD_TOKEN_INVALID', () => withSecret(rsa.publicPem.trim())],
    'HS256 with the modulus': ['POD_TOKEN_INVALID', () => withSecret(Buffer.from(String(rsa.jwk['n']), 'base64url'))],
    'HS256 with the JWK': ['POD_TOKEN_INVALID', () => withSecret(JSON.stringify(rsa.jwk))],
    'HS256 with nothing': ['POD_TOKEN_INVALID', () => withSecret('\0')],
    'ES256 with the id of an RSA key': ['POD_TOKEN_INVALID', () => ec.token(podClaims(), { kid: 'rsa-1' })],
    'RS256 with the id of an EC key': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { kid: 'ec-1' })],
    'RS512, which the key does not sign': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { alg: 'RS512' })],
    'PS256, which the key does not sign': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { alg: 'PS256' })],
    // The key is the cluster's.
    'no kid': ['POD_TOKEN_INVALID', () => withoutKid(rsa)],
    'no kid, by an attacker': ['POD_TOKEN_INVALID', () => withoutKid(attacker)],
    'a list of kids': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { kid: ['rsa-1'] })],
    'a number as kid': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { kid: 1 })],
    'an empty kid': ['POD_TOKEN_KEY_UNKNOWN', () => rsa.token(podClaims(), { kid: '' })],
    'the kid __proto__': ['POD_TOKEN_KEY_UNKNOWN', () => attacker.token(podClaims(), { kid: '__proto__' })],
    'the kid constructor': ['POD_TOKEN_KEY_UNKNOWN', () => attacker.token(podClaims(), { kid: 'constructor' })],
    'a path as kid': ['POD_TOKEN_KEY_UNKNOWN', () => attacker.token(podClaims(), { kid: '../../dev/null' })],
    'an unknown kid': ['POD_TOKEN_KEY_UNKNOWN', () => rsa.token(podClaims(), { kid: 'rsa-9' })],
    'a key of another cluster with the same kid': ['POD_TOKEN_INVALID', () => attacker.token(podClaims())],
    'a key of its own in jwk': ['POD_TOKEN_INVALID', () => attacker.token(podClaims(), { jwk: attacker.jwk })],
    'a key set of its own in jku': [
      'POD_TOKEN_INVALID',
      () => attacker.token(podClaims(), { jku: 'https://evil.example' }),
    ],
    'a certificate in x5c': ['POD_TOKEN_INVALID', () => attacker.token(podClaims(), { x5c: ['AAAA'] })],
    'a certificate at x5u': ['POD_TOKEN_INVALID', () => attacker.token(podClaims(), { x5u: 'https://evil.example' })],
    // The signature is over all of it.
    'no signature': ['POD_TOKEN_INVALID', () => changed(rsa.token(podClaims()), 2, '')],
    'half a signature': ['POD_TOKEN_INVALID', () => rsa.token(podClaims()).slice(0, -100)],
    'zeros as signature (ES256)': [
      'POD_TOKEN_INVALID',
      () => changed(ec.token(podClaims()), 2, encoded('\0'.repeat(64))),
    ],
    'another payload': [
      'POD_TOKEN_INVALID',
      () => changed(rsa.token(podClaims()), 1, encoded(podClaims({ jti: 'x' }))),
    ],
    'the signature of another token': [
      'POD_TOKEN_INVALID',
      () => changed(rsa.token(podClaims()), 2, rsa.token(podClaims({ jti: 'x' })).split('.')[2] ?? ''),
    ],
    'a critical extension': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { crit: ['x'], x: 1 })],
    'an unencoded payload': ['POD_TOKEN_INVALID', () => rsa.token(podClaims(), { crit: ['b64'], b64: false })],
    // Time.
    'one that has expired': ['POD_TOKEN_EXPIRED', () => rsa.token(podClaims({}, [-700, -100]))],
    'one that has just expired': ['POD_TOKEN_EXPIRED', () => rsa.token(podClaims({}, [-600, 0]))],
    'one from tomorrow': ['POD_TOKEN_EARLY', () => rsa.token(podClaims({}, [86_400, 87_000]))],
    'one from just too far ahead': ['POD_TOKEN_EARLY', () => rsa.token(podClaims({}, [31, 600]))],
    'iat alone in the future': [
      'POD_TOKEN_EARLY',
      () => rsa.token(podClaims({ iat: NOW / 1_000 + 60, nbf: undefined })),
    ],
    'a day and a second': ['POD_TOKEN_TOO_LONG', () => rsa.token(podClaims({}, [0, 86_401]))],
    'a year, of our audience': ['POD_TOKEN_TOO_LONG', () => rsa.token(podClaims({}, [0, YEAR]))],
    '136 years': ['POD_TOKEN_TOO_LONG', () => rsa.token(podClaims({}, [0, 4_294_967_296]))],
    'a year, issued two days ago': ['POD_TOKEN_EXPIRED', () => rsa.token(podClaims({}, [-2 * 86_400, YEAR]))],
    'an endless one': ['POD_TOKEN_FOREIGN', () => withoutClaim('exp')],
    'one without iat': ['POD_TOKEN_EARLY', () => withoutClaim('iat')],
    'an end in words': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ exp: '9999999999' }))],
    'an end of null': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ exp: null }))],
    'an end beyond all numbers': [
      'POD_TOKEN_TOO_LONG',
      () => rsa.token(JSON.stringify(podClaims()).replace(/"exp":\d+/, '"exp":1e999')),
    ],
    // Whose, and for whom.
    'of another issuer': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ iss: 'https://evil.example' }))],
    'of an issuer that begins like ours': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ iss: `${ISSUER}.evil` }))],
    'of a list of issuers': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ iss: [ISSUER] }))],
    'without issuer': ['POD_TOKEN_FOREIGN', () => withoutClaim('iss')],
    'for another audience': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ aud: ['vault'] }))],
    'for an audience that begins like ours': [
      'POD_TOKEN_FOREIGN',
      () => rsa.token(podClaims({ aud: [`${AUDIENCE}2`] })),
    ],
    'for the API server': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ aud: [API] }))],
    'for the API server, good for a year': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ aud: [API] }, [0, YEAR]))],
    'for us and the API server': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ aud: [AUDIENCE, API] }))],
    'for nobody': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ aud: [] }))],
    'without audience': ['POD_TOKEN_FOREIGN', () => withoutClaim('aud')],
    'for an audience in a list in a list': ['POD_TOKEN_FOREIGN', () => rsa.token(podClaims({ aud: [[AUDIENCE]] }))],
    'of a Secret (legacy)': ['POD_TOKEN_FOREIGN', () => rsa.token(JSON.stringify(legacyClaims))],
    'of kubectl create token, without a pod': ['POD_TOKEN_FOREIGN', () => ofNames({ pod: undefined, node: undefined })],
    'of a node, without a pod': ['POD_TOKEN_FOREIGN', () => ofNames({ pod: undefined })],
    'of a pod without a name': ['POD_TOKEN_FOREIGN', () => ofNames({ pod: { name: '', uid: 'x' } })],
    'of a pod without an id': ['POD_TOKEN_FOREIGN', () => ofNames({ pod: { name: 'p' } })],
    'of a pod in words': ['POD_TOKEN_FOREIGN', () => ofNames({ pod: 'p' })],
    'of a pod on another node': ['POD_TOKEN_FOREIGN', () => ofNames({ node: { name: 'node-b' } })],
    'of a pod on no node': ['POD_TOKEN_FOREIGN', () => ofNames({ node: undefined })],
    'of a pod on a list of nodes': ['POD_TOKEN_FOREIGN', () => ofNames({ node: { name: ['node-a'] } })],
    'whose subject is another account': ['POD_TOKEN_FOREIGN', () => ofNames({}, 'system:serviceaccount:shop:admin')],
    'whose subject is a user': ['POD_TOKEN_FOREIGN', () => ofNames({}, 'alice')],
    'without subject': ['POD_TOKEN_FOREIGN', () => withoutClaim('sub')],
    'whose namespace breaks a line': [
      'POD_TOKEN_FOREIGN',
      () => ofNames({ namespace: 'a\nb' }, 'system:serviceaccount:a\nb:uploader'),
    ],
    'whose namespace is a pattern': [
      'POD_TOKEN_FOREIGN',
      () => ofNames({ namespace: '*' }, 'system:serviceaccount:*:uploader'),
    ],
    'without the claims of Kubernetes': ['POD_TOKEN_FOREIGN', () => withoutClaim('kubernetes.io')],
    'whose claims of Kubernetes are a list': [
      'POD_TOKEN_FOREIGN',
      () => rsa.token(podClaims({ 'kubernetes.io': [kubernetesClaims()] })),
    ],
  };

  it.each(Object.keys(hostile))('are rejected: %s', async (name) => {
    const [code, token] = hostile[name] ?? ['', () => ''];
    expect(await verdict(token())).toBe(code);
  });

  it('are checked against the algorithm of the key before their signature', async () => {
    // Both algorithms are those of a cluster, and the signature is good.
    const token = ec.token(podClaims(), { alg: 'ES384' });
    await expect(verify(token, keys, NOW)).rejects.toMatchObject({
      code: 'POD_TOKEN_INVALID',
      message: 'the algorithm of a token is not that of its key',
    });
  });

  it('are checked for any node on request', async () => {
    const anywhere = await podTokenVerifier({ issuers: [ISSUER], audience: AUDIENCE, node: undefined });
    const token = rsa.token(podClaims({ 'kubernetes.io': kubernetesClaims({ node: undefined }) }));
    expect(await anywhere(token, keys, NOW)).toMatchObject({ serviceAccount: 'uploader' });
  });

  it.each([
    ['iss', 'https://cluster.example', '"https://cluster.example"'],
    ['aud', ['vault', 'x\u001b[2J'], '["vault","x\\u001b[2J"]'],
    ['iss', `https://${'x'.repeat(1_000)}`, `"https://${'x'.repeat(191)}`],
  ])('have their own %s in the log, because that settles a wrong configuration', async (claim, value, shown) => {
    const error = verify(rsa.token(podClaims({ [claim]: value })), keys, NOW);
    await expect(error).rejects.toMatchObject({
      code: 'POD_TOKEN_FOREIGN',
      message: `a token is not for this endpoint: its ${claim} is ${shown}`,
    });
  });

  it('leave nothing of an unverified token in a message', async () => {
    const token = attacker.token(podClaims({ sub: 'MARKED' }), { kid: 'MARKED' });
    const error = await verify(token, keys, NOW).catch((thrown: unknown) => thrown);
    expect(String(error)).not.toContain('MARKED');
  });
});
