import type { ClusterKeysSource } from '../config/config.ts';
import { readFileContent } from '../files/read-file.ts';
import { urlHost } from '../foundation/address.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { httpsTransport } from '../rolesanywhere/https-transport.ts';
import type { ReadKeys } from './cluster-keys.ts';
import { kubernetesError } from './kubernetes-errors.ts';

export interface ReadKeysParts {
  readonly environment: Environment;
  readonly userAgent: string;
}

/** Where Kubernetes mounts the token, and the CA of the API server, for a pod's own account. */
const OWN_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const JWKS_PATH = '/openid/v1/jwks';

/**
 * Reads the key set of the cluster from a file or a server.
 *
 * @throws CodedError CLUSTER_UNKNOWN outside a pod, for `in-cluster`.
 */
export function keyReader(source: ClusterKeysSource, parts: ReadKeysParts): ReadKeys {
  if (source.from === 'file') return async () => (await readFileContent(source.path)).content.toString('utf8');
  return fromServer(source.from === 'url' ? source : inCluster(parts.environment), parts);
}

interface KeyServer {
  readonly url: string;
  readonly caBundle?: string;
  readonly tokenFile?: string;
}

/**
 * By address like client-go, because a pod with hostNetwork may not use the DNS of the cluster.
 * `jwks_uri` of the discovery document is no better: it may be an address outside the cluster.
 */
function inCluster({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' }: Environment): KeyServer {
  if (!host) throw kubernetesError('CLUSTER_UNKNOWN', 'KUBERNETES_SERVICE_HOST is not set');
  return {
    url: `https://${urlHost(host)}:${port}${JWKS_PATH}`,
    caBundle: `${OWN_ACCOUNT}/ca.crt`,
    tokenFile: `${OWN_ACCOUNT}/token`,
  };
}

function fromServer({ url, caBundle, tokenFile }: KeyServer, { environment, userAgent }: ReadKeysParts): ReadKeys {
  // The API server is never behind a proxy, and its CA is its own.
  const own = caBundle === undefined ? { environment } : { environment: {}, caBundle };
  const send = httpsTransport({ ...own, userAgent });
  return async (signal) => {
    const { host } = new URL(url);
    const headers = { host, accept: 'application/jwk-set+json, application/json', ...(await authorization(tokenFile)) };
    const { status, body } = await send({ method: 'GET', url, headers, body: '' }, signal);
    if (status === 200) return body;
    const what = `${url} answers with status ${status}`;
    throw kubernetesError(
      status === 401 || status === 403 ? 'CLUSTER_KEYS_FORBIDDEN' : 'CLUSTER_KEYS_UNAVAILABLE',
      what,
    );
  };
}

/** Read for each call: Kubernetes replaces the token every hour. */
async function authorization(tokenFile: string | undefined): Promise<Record<string, string>> {
  if (tokenFile === undefined) return {};
  const { content } = await readFileContent(tokenFile);
  return { authorization: `Bearer ${content.toString('latin1').trim()}` };
}
