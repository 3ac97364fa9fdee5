import type { KubernetesConfig, RoleConfig } from '../config/config.ts';
import { type ContainerEndpointParts, serverOf } from '../container/container-endpoints.ts';
import type { Client, ClientRefusal, ContainerParts, ContainerRole } from '../container/container-handler.ts';
import type { HeldSession } from '../endpoints/held-session.ts';
import { listenAt, type OpenListener, type TcpPlace } from '../endpoints/listen.ts';
import { type RequestGuard, requestGuard } from '../endpoints/request-guard.ts';
import type { SharedEndpoint } from '../endpoints/shared-endpoints.ts';
import { hostAndPort } from '../foundation/address.ts';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { rolesOf } from './accounts.ts';
import { ClusterKeys, type KeptKeys } from './cluster-keys.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import type { PodSessions } from './pod-sessions.ts';
import { type PodIdentity, podTokenVerifier, type TokenRules } from './pod-token.ts';
import type { Pods } from './pods.ts';
import { keyReader } from './read-keys.ts';

export interface ClusterParts extends Pick<ContainerEndpointParts, 'clock' | 'log'> {
  readonly environment: Environment;
  readonly userAgent: string;
  /** The stored keys of a cluster. Absent: nothing is stored. */
  readonly keptKeys?: ((cluster: string) => KeptKeys) | undefined;
  readonly podSessions: PodSessions;
}

/**
 * Container credentials for the pods of a node. The token of its service account decides what a pod
 * gets, never its address: pods with hostNetwork share that of the node.
 */
export function podEndpoint(parts: ContainerEndpointParts & ClusterParts): SharedEndpoint {
  const { log } = parts;
  const clients = new PodClients(parts);
  let guard: RequestGuard = requestGuard({ host: '127.0.0.1', allowedHosts: [] });
  const open = sharing(async (place) => {
    const server = await serverOf('pods', { guard: (request) => guard(request), clientOf: clients.clientOf }, parts);
    return listenAt(server, place, 'the endpoint for pods');
  });
  return {
    kind: 'pods',
    wanted: ({ container }) => {
      const kubernetes = container?.kubernetes;
      if (!kubernetes) return undefined;
      clusterOf(kubernetes, parts);
      return {
        place: kubernetes.listen.map(hostAndPort).join(' '),
        open: () => openPresent(kubernetes.listen, open, log),
      };
    },
    apply: async ({ container, roles }) => {
      await clients.follow(container?.kubernetes, roles);
      if (container) guard = requestGuard({ host: '169.254.170.23', allowedHosts: container.allowedHosts });
    },
    urlOf: (role, address) => (clients.isFor(role) ? `${address}/v1/credentials/${role}` : undefined),
    fault: () => clients.fault,
    stop: () => clients.follow(undefined, []),
  };
}

/** A cluster whose tokens are accepted. */
interface Cluster {
  readonly id: string;
  readonly keys: ClusterKeys;
  readonly pods: Pods;
}

/** Finds the roles of pods by the token in a request. */
class PodClients {
  readonly #parts: ClusterParts;
  #cluster: Cluster | undefined;
  #accounts: KubernetesConfig['roles'] = [];
  /** Those of which each pod has its own session, by name. */
  #podRoles: ReadonlyMap<string, RoleConfig> = new Map();
  /** Made once for each verified token and mapping. */
  #clients = new WeakMap<PodIdentity, Client | ClientRefusal>();

  constructor(parts: ClusterParts) {
    this.#parts = parts;
  }

  /** Keeps the keys, the verified tokens and the sessions of the same cluster. */
  async follow(kubernetes: KubernetesConfig | undefined, roles: readonly RoleConfig[]): Promise<void> {
    const before = this.#cluster;
    const wanted = kubernetes && clusterOf(kubernetes, this.#parts);
    if (wanted?.id !== before?.id) this.#cluster = wanted && (await this.#opened(wanted));
    this.#accounts = kubernetes?.roles ?? [];
    this.#clients = new WeakMap();
    this.#podRoles = new Map(kubernetes?.sessionTags === 'pod' ? roles.map((role) => [role.name, role]) : []);
    const isSame = this.#cluster === before;
    await this.#parts.podSessions.keepOnly((name, pod) =>
      isSame && rolesOf(pod, this.#accounts).has(name) ? this.#podRoles.get(name) : undefined,
    );
    if (!isSame) await before?.keys.stop();
  }

  /** Why the keys of the cluster could not be read the last time. */
  get fault(): CodedError | undefined {
    return this.#cluster?.keys.fault;
  }

  /** Whether the account of some pod may use the role. */
  isFor(name: string): boolean {
    return this.#accounts.some(({ role }) => role === name);
  }

  readonly clientOf: ContainerParts['clientOf'] = (headers) => {
    const [token = '', ...more] = headers.get('authorization') ?? [];
    const cluster = this.#cluster;
    if (!cluster || token === '' || more.length > 0) return undefined;
    const pod = cluster.pods.podOf(token);
    if (!(pod instanceof Promise)) return this.#clientFor(pod);
    // Meanwhile, a new configuration may accept the tokens of another cluster, whose accounts have the same names.
    return pod.then((found) => (this.#cluster === cluster ? this.#clientFor(found) : this.clientOf(headers)));
  };

  #clientFor(pod: PodIdentity | CodedError): Client | ClientRefusal {
    if (pod instanceof CodedError) return { status: pod.kind === 'transient' ? 503 : 401, reason: pod };
    const client = this.#clients.get(pod) ?? this.#newClient(pod);
    this.#clients.set(pod, client);
    return client;
  }

  #newClient(pod: PodIdentity): Client | ClientRefusal {
    const roles = rolesOf(pod, this.#accounts);
    const client = `${pod.namespace}/${pod.serviceAccount} (pod ${pod.pod})`;
    if (roles.size === 0) {
      const reason = kubernetesError('POD_ROLE_NOT_MAPPED', `no role is for service account ${client}`);
      return { status: 403, reason, pod };
    }
    const sessionOf = ({ name, session }: ContainerRole): HeldSession | CodedError => {
      const role = this.#podRoles.get(name);
      return role ? this.#parts.podSessions.of(role, pod) : session;
    };
    return { client, mayHave: ({ name }) => roles.has(name), sessionOf, pod };
  }

  async #opened({ id, rules, read, kept }: WantedCluster): Promise<Cluster> {
    const { clock, log } = this.#parts;
    const keys = new ClusterKeys({ read, kept, clock, log });
    keys.start();
    const { Pods } = await import('./pods.ts');
    return { id, keys, pods: new Pods({ keys, verify: await podTokenVerifier(rules), clock }) };
  }
}

interface WantedCluster {
  /** Of all its settings except the mapping. */
  readonly id: string;
  readonly rules: TokenRules;
  readonly read: ReturnType<typeof keyReader>;
  readonly kept: KeptKeys | undefined;
}

/** @throws CodedError NODE_NAME_UNKNOWN, CLUSTER_UNKNOWN */
function clusterOf(kubernetes: KubernetesConfig, parts: ClusterParts): WantedCluster {
  const { issuer: issuers, audience, jwks, node } = kubernetes;
  return {
    id: JSON.stringify([issuers, audience, jwks, node]),
    rules: { issuers, audience, node: node === 'any' ? undefined : nodeName(node.environment, parts.environment) },
    read: keyReader(jwks, parts),
    kept: parts.keptKeys?.(JSON.stringify([issuers, jwks])),
  };
}

/** @throws CodedError NODE_NAME_UNKNOWN */
function nodeName(variable: string, environment: Environment): string {
  const name = environment[variable] ?? '';
  if (name === '') throw kubernetesError('NODE_NAME_UNKNOWN', `${variable} (the name of this node) is not set`);
  return name;
}

type OpenPlace = (place: TcpPlace) => Promise<OpenListener>;

/** An address that is in an old and in a new list stays open until both are closed. */
function sharing(open: OpenPlace): OpenPlace {
  const inUse = new Map<string, { readonly listener: OpenListener; lists: number }>();
  return async (place) => {
    const key = hostAndPort(place);
    const shared = inUse.get(key) ?? { listener: await open(place), lists: 0 };
    inUse.set(key, shared);
    shared.lists += 1;
    const close = async (): Promise<void> => {
      shared.lists -= 1;
      if (shared.lists > 0) return;
      inUse.delete(key);
      await shared.listener.close();
    };
    return { ...shared.listener, close };
  };
}

/**
 * Opens each address that the node has.
 *
 * @throws CodedError if it has none of them, or one cannot be opened for another reason; then none
 * is open.
 */
async function openPresent(places: readonly TcpPlace[], open: OpenPlace, log: Log): Promise<OpenListener> {
  const opened: OpenListener[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((listener) => listener.close()));
  };
  let absent: unknown;
  for (const place of places) {
    try {
      opened.push(await open(place));
    } catch (error) {
      if (!isAbsent(error)) {
        await close();
        throw error;
      }
      absent = error;
      log('warn', 'an address for pods is absent', failureFields(error));
    }
  }
  const [first] = opened;
  if (!first) throw absent;
  return { address: first.address, close };
}

/** The node has no such address, or no IPv6. */
function isAbsent(error: unknown): boolean {
  const code = systemCodeOf(error instanceof CodedError ? error.cause : error) ?? '';
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
}
