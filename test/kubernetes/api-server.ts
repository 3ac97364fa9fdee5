import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../support/free-port.ts';
import { eventually } from '../support/program.ts';
import type { Manifest } from './manifests.ts';

/** As kube-apiserver has it by default in a cluster of kubeadm. */
export const ISSUER = 'https://kubernetes.default.svc.cluster.local';

export interface ApiAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface TokenRequest {
  readonly namespace: string;
  readonly account: string;
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly audiences?: readonly string[];
  readonly seconds?: number;
}

type SigningKey = 'first' | 'second';

/**
 * A real kube-apiserver with etcd, without nodes, scheduler and controllers. Built from
 * test/kubernetes/api-server by .ci/run.
 */
export class ApiServer {
  readonly directory: string;
  readonly #ports: { readonly etcd: number; readonly peer: number; readonly api: number };
  #etcd: ChildProcess | undefined;
  #server: ChildProcess | undefined;
  #agent: https.Agent | undefined;

  static async start(): Promise<ApiServer> {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-cluster-'));
    const ports = { etcd: await freePort(), peer: await freePort(), api: await freePort() };
    const cluster = new ApiServer(directory, ports);
    cluster.#makeKeys();
    await writeFile(cluster.#in('tokens.csv'), 'admin-token,admin,admin,system:masters\n', { mode: 0o600 });
    cluster.#startEtcd();
    await cluster.startServer(['first']);
    return cluster;
  }

  private constructor(directory: string, ports: { etcd: number; peer: number; api: number }) {
    this.directory = directory;
    this.#ports = ports;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#ports.api;
  }

  get caFile(): string {
    return this.#in('ca.crt');
  }

  /** @param keys - it signs with the last of them, and knows tokens of all. */
  async startServer(keys: readonly SigningKey[]): Promise<void> {
    this.#agent = new https.Agent({ ca: await readFile(this.caFile) });
    this.#server = this.#run('kube-apiserver', [
      ...[`--etcd-servers=http://127.0.0.1:${this.#ports.etcd}`, '--bind-address=127.0.0.1'],
      ...[`--secure-port=${this.port}`, '--advertise-address=127.0.0.1', `--cert-dir=${this.#in('certs')}`],
      ...[`--tls-cert-file=${this.#in('server.crt')}`, `--tls-private-key-file=${this.#in('server.key')}`],
      ...[`--service-account-issuer=${ISSUER}`, '--service-cluster-ip-range=10.0.0.0/24'],
      ...keys.map((key) => `--service-account-key-file=${this.#in(`${key}.pub`)}`),
      `--service-account-signing-key-file=${this.#in(`${keys.at(-1) ?? ''}.key`)}`,
      ...[`--token-auth-file=${this.#in('tokens.csv')}`, '--authorization-mode=RBAC', '--allow-privileged=true'],
      ...['--endpoint-reconciler-type=none', '--watch-cache=true'],
      '--runtime-config=admissionregistration.k8s.io/v1beta1=true',
    ]);
    await eventually('the API server', 120_000, async () => {
      if (this.#server?.exitCode !== null) throw new Error(await readFile(this.#in('kube-apiserver.log'), 'utf8'));
      const answer = await this.ask('GET', '/readyz').catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    });
  }

  async stopServer(): Promise<void> {
    await ended(this.#server);
    this.#agent?.destroy();
  }

  readonly close = async (): Promise<void> => {
    await this.stopServer();
    await ended(this.#etcd);
    await rm(this.directory, { recursive: true, force: true });
  };

  /** A request by the administrator, or with another token. */
  ask(method: string, target: string, body?: unknown, token = 'admin-token'): Promise<ApiAnswer> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const asked = https.request(`${this.url}${target}`, { method, headers, agent: this.#agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.once('end', () => {
          const isJson = text.startsWith('{');
          resolve({
            status: response.statusCode ?? 0,
            body: isJson ? (JSON.parse(text) as ApiAnswer['body']) : { text },
          });
        });
      });
      asked.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Creates an object. @throws with the message of the server. */
  async create(manifest: Manifest, flags = ''): Promise<Record<string, unknown>> {
    const { status, body } = await this.ask(
      'POST',
      `${await this.#collection(manifest)}?fieldValidation=Strict${flags}`,
      manifest,
    );
    if (status !== 201)
      throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } } as Manifest);
    // A controller does it in a cluster.
    await this.account(name, 'default');
  }

  async account(namespace: string, name: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, ...more } });
  }

  /** A token from TokenRequest, bound to a pod like those that the kubelet asks for. */
  async token({
    namespace,
    account,
    pod,
    audiences = ['imds-anywhere'],
    seconds = 600,
  }: TokenRequest): Promise<string> {
    const boundObjectRef = pod && { kind: 'Pod', apiVersion: 'v1', ...pod };
    const { status, body } = await this.ask(
      'POST',
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences, expirationSeconds: seconds, ...(boundObjectRef && { boundObjectRef }) },
      },
    );
    const { token } = (body['status'] ?? {}) as { token?: string };
    if (status !== 201 || token === undefined) throw new Error(`${status} ${JSON.stringify(body)}`);
    return token;
  }

  /** Where objects of a kind are created. */
  async #collection({ apiVersion, kind, metadata }: Manifest): Promise<string> {
    const base = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
    const { body } = await this.ask('GET', base);
    const resources = (body['resources'] ?? []) as { name: string; kind: string; namespaced: boolean }[];
    const resource = resources.find((one) => one.kind === kind && !one.name.includes('/'));
    if (!resource) throw new Error(`the server has no ${apiVersion} ${kind}`);
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${base}${namespace}/${resource.name}`;
  }

  #makeKeys(): void {
    const openssl = (...args: string[]): void => {
      execFileSync('openssl', args, { cwd: this.directory, stdio: 'ignore' });
    };
    const ec = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'first.key');
    openssl('genpkey', ...ec, '-out', 'second.key');
    for (const key of ['first', 'second']) openssl('pkey', '-in', `${key}.key`, '-pubout', '-out', `${key}.pub`);
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    openssl(...request, '-subj', '/CN=kubernetes-ca', '-keyout', 'ca.key', '-out', 'ca.crt');
    const names = 'subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc';
    const issued = [
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-addext',
      names,
      '-addext',
      'basicConstraints=critical,CA:FALSE',
    ];
    openssl(...request, ...issued, '-subj', '/CN=kube-apiserver', '-keyout', 'server.key', '-out', 'server.crt');
  }

  #startEtcd(): void {
    const [client, peer] = [`http://127.0.0.1:${this.#ports.etcd}`, `http://127.0.0.1:${this.#ports.peer}`];
    this.#etcd = this.#run('etcd', [
      ...['--data-dir', this.#in('etcd'), '--unsafe-no-fsync', '--log-level', 'error'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
    ]);
  }

  #run(program: string, args: readonly string[]): ChildProcess {
    const log = createWriteStream(this.#in(`${program}.log`), { flags: 'a' });
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.pipe(log, { end: false });
    return child;
  }

  #in(name: string): string {
    return path.join(this.directory, name);
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await exit;
  clearTimeout(late);
}

/** A directory for files of a test, in that of the cluster. */
export async function directoryIn(cluster: ApiServer, name: string): Promise<string> {
  const directory = path.join(cluster.directory, name);
  await mkdir(directory, { recursive: true });
  return directory;
}
