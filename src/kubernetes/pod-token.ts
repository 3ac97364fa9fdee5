import type { JWTPayload } from 'jose';
import { CodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { printable } from '../foundation/printable.ts';
import { ALGORITHMS, type ClusterKey, type KeySet } from './key-set.ts';
import { kubernetesError } from './kubernetes-errors.ts';

/** What a token says about its pod. */
export interface PodIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  readonly podUid: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface TokenRules {
  readonly issuers: readonly string[];
  /** The only audience of the token. */
  readonly audience: string;
  /** The node of the pod. Undefined: any. */
  readonly node: string | undefined;
}

/**
 * Checks a service account token of a pod with the keys of its cluster.
 *
 * @param now - milliseconds since the epoch.
 * @throws CodedError of `kubernetesErrors`, without any part of the token that is not verified.
 */
export type VerifyPodToken = (token: string, keys: KeySet, now: number) => Promise<PodIdentity>;

/**
 * The API server gives a token of its own audience a year where the pod asked for an hour, and
 * grants 136 years on request. So only the whole life of a token bounds it, not its end.
 */
const LONGEST_LIFE_S = 86_400;
/** For `nbf` and `iat`: clocks of nodes differ, and the cluster sets both to the moment of signing. */
const CLOCK_TOLERANCE_S = 30;
/** With the longest names and RSA-4096 it has 4000 characters. */
const MOST_CHARACTERS = 6_000;
/** Of a claim, in a message. */
const MOST_SHOWN = 200;

/** Loads the library, which only a daemon with pods needs. */
export async function podTokenVerifier(rules: TokenRules): Promise<VerifyPodToken> {
  // The parts, because a bundle takes in all of a library that is imported as a whole.
  const [{ decodeProtectedHeader }, { jwtVerify }] = await Promise.all([
    import('jose/decode/protected_header'),
    import('jose/jwt/verify'),
  ]);
  return async (token, keys, now) => {
    if (token.length > MOST_CHARACTERS)
      throw kubernetesError('POD_TOKEN_INVALID', 'the token of a request is too long');
    try {
      const { kid, alg } = decodeProtectedHeader(token);
      const key = keyNamed(kid, keys);
      // The key decides about the algorithm, never the token.
      if (alg !== key.alg)
        throw kubernetesError('POD_TOKEN_INVALID', 'the algorithm of a token is not that of its key');
      const { payload } = await jwtVerify(token, key, {
        algorithms: [...ALGORITHMS],
        issuer: [...rules.issuers],
        audience: rules.audience,
        requiredClaims: ['exp', 'iat', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_S,
        maxTokenAge: LONGEST_LIFE_S,
        currentDate: new Date(now),
      });
      // The library tolerates a late end too. No pod needs that: kubelet replaces a token at 80 % of its life.
      if ((payload.exp ?? 0) * 1_000 <= now) throw kubernetesError('POD_TOKEN_EXPIRED', 'a token has expired');
      return podIn(payload, rules);
    } catch (error) {
      throw refusalOf(error);
    }
  };
}

function keyNamed(kid: string | undefined, keys: KeySet): ClusterKey {
  if (typeof kid !== 'string') throw kubernetesError('POD_TOKEN_INVALID', 'a token does not name its key');
  const key = keys.get(kid);
  if (!key)
    throw kubernetesError('POD_TOKEN_KEY_UNKNOWN', 'a token is signed with a key that the cluster does not have');
  return key;
}

function podIn(payload: JWTPayload, { audience, node }: TokenRules): PodIdentity {
  const { aud, exp = 0, iat = 0, sub } = payload;
  const names = recordIn(payload['kubernetes.io']);
  const { namespace } = names;
  const account = recordIn(names['serviceaccount'])['name'];
  const { name: pod, uid: podUid } = recordIn(names['pod']);
  const ofNode = recordIn(names['node'])['name'];
  if (!isName(namespace) || !isName(account) || sub !== `system:serviceaccount:${namespace}:${account}`)
    throw kubernetesError('POD_TOKEN_FOREIGN', 'a token is not one of a service account');
  const who = `a token of service account ${namespace}/${account}`;
  // A second audience could be the API server's, and everyone who gets such a token can use it there.
  if (Array.isArray(aud) && aud.length !== 1)
    throw kubernetesError('POD_TOKEN_FOREIGN', `${who} has other audiences besides ${audience}`);
  if (exp - iat > LONGEST_LIFE_S)
    throw kubernetesError('POD_TOKEN_TOO_LONG', `${who} is valid for ${exp - iat} seconds`);
  if (!isName(pod) || typeof podUid !== 'string' || podUid === '')
    throw kubernetesError('POD_TOKEN_FOREIGN', `${who} is not bound to a pod`);
  if (node !== undefined && ofNode !== node)
    throw kubernetesError('POD_TOKEN_FOREIGN', `${who} is not for a pod of node ${node}`);
  return { namespace, serviceAccount: account, pod, podUid, expiresAt: exp * 1_000 };
}

function recordIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** Names of Kubernetes objects; nothing that could break a line of a log. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z\d](?:[-a-z\d.]{0,251}[a-z\d])?$/.test(value);
}

/** The signature is checked before the claims, so a message about a claim is that of a real token. */
function refusalOf(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const reason = messageOf(error);
  const code = systemCodeOf(error);
  if (code === 'ERR_JWT_EXPIRED') return kubernetesError('POD_TOKEN_EXPIRED', 'a token has expired', error);
  if (code !== 'ERR_JWT_CLAIM_VALIDATION_FAILED')
    return kubernetesError('POD_TOKEN_INVALID', `a token is invalid: ${reason}`, error);
  const { claim, payload } = recordIn(error);
  if (claim === 'nbf' || claim === 'iat')
    return kubernetesError('POD_TOKEN_EARLY', `a token is not valid yet: ${reason}`, error);
  const value = JSON.stringify(recordIn(payload)[String(claim)]) as string | undefined;
  const has = value === undefined ? reason : `its ${String(claim)} is ${printable(value).slice(0, MOST_SHOWN)}`;
  return kubernetesError('POD_TOKEN_FOREIGN', `a token is not for this endpoint: ${has}`, error);
}
