import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { DEPLOY, emulatorWithChain, EXTERNAL_ID } from '../support/chained-account.ts';
import { mayMount } from '../support/private-host.ts';
import { eventually, PROGRAM, RunningProgram } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';
import { ApiServer, directoryIn, ISSUER } from './api-server.ts';
import { kustomized, type Manifest, manifestsOf } from './manifests.ts';

// Tokens of a real API server at the real program, with unmodified SDKs as pods. There is no kubelet, so the tests ask
// for the tokens that it would ask for.

const present =
  hasTool('kube-apiserver', '--version') && hasTool('etcd', '--version') && hasTool('kustomize', 'version');

interface Pod {
  readonly name: string;
  readonly uid: string;
}

let cluster: ApiServer;
let workshop: Workshop;
let emulator: RunningEmulator;

async function podOf(account: string, node = 'node-a', namespace = 'shop'): Promise<Pod> {
  const { metadata } = (await cluster.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: `${account}-`, namespace } as unknown as Manifest['metadata'],
    spec: { serviceAccountName: account, nodeName: node, containers: [{ name: 'a', image: 'a' }] },
  })) as { metadata: Pod };
  return { name: metadata.name, uid: metadata.uid };
}

/** A token of a new pod. */
async function tokenOf(account: string, changes: Partial<Parameters<ApiServer['token']>[0]> = {}): Promise<string> {
  return cluster.token({ namespace: 'shop', account, pod: await podOf(account), ...changes });
}

/** The emulator's configuration, for pods. */
function configFor(jwks: string, more = '', account = emulator.config): string {
  return account.replace(/^( {2}- roleArn: .*)$/m, '$1\n    name: device\n    imds: false').concat(`
container:
  kubernetes:
    listen: ['127.0.0.1:0']
    issuer: ${ISSUER}
    jwks: ${jwks}
    roles:
      - { namespace: shop, serviceAccount: uploader, role: device }
admin: { listen: '127.0.0.1:0' }
${more}`);
}

interface Daemon {
  readonly program: RunningProgram;
  readonly url: string;
}

let configurations = 0;

async function daemonWith(config: string): Promise<Daemon> {
  const file = await workshop.write(`pods-${(configurations += 1)}.yaml`, config);
  const program = workshop.start(['serve', file], { env: { NODE_NAME: 'node-a' } });
  const [, url = ''] = await program.says(/"pods":"(http:[^"]+)"/);
  return { program, url };
}

async function statusOf({ url }: Daemon, token: string): Promise<number> {
  const answer = await fetch(`${url}/v1/credentials`, { headers: { authorization: token } });
  await answer.text();
  return answer.status;
}

function served(daemon: Daemon, token: string, ms = 60_000): Promise<true> {
  return eventually(`credentials from ${daemon.url}\n${daemon.program.stderr}`, ms, async () =>
    (await statusOf(daemon, token)) === 200 ? true : undefined,
  );
}

const PYTHON = 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])';
const JAVASCRIPT = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
  console.log((await new STSClient().send(new GetCallerIdentityCommand())).Arn);`;
const ASSUMED = /^arn:aws:sts::\d{12}:assumed-role\/[\w+=,.@-]+\/[0-9a-f]+\n$/;

const hasBoto3 = hasTool('python3', '-c', 'import boto3');
const CLIENTS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['JavaScript', [process.execPath, '--input-type=module', '--eval', JAVASCRIPT]],
  ...(hasBoto3 ? [['boto3', ['python3', '-c', PYTHON]] as const] : []),
];

/** Runs a client like in a pod: with the two variables and nothing else of AWS. */
async function asked(command: readonly string[], uri: string, tokenFile: string, sts = emulator.url): Promise<string> {
  const [program = '', ...args] = command;
  const env = {
    PATH: process.env['PATH'],
    HOME: workshop.directory,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_STS: sts,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
  };
  const { stdout } = await promisify(execFile)(program, args, { env, timeout: 60_000 });
  return stdout;
}

describeWith('kube-apiserver, etcd or kustomize', present, 'a pod of a real API server', () => {
  let daemon: Daemon;
  let byServer: string;

  beforeAll(async () => {
    workshop = await Workshop.open();
    // One after the other: a failure of the emulator must not leave an API server behind.
    emulator = await workshop.emulator();
    cluster = await ApiServer.start();
    await cluster.namespace('shop');
    await cluster.namespace('imds-anywhere');
    for (const account of ['uploader', 'other']) await cluster.account('shop', account);
    await cluster.account('imds-anywhere', 'imds-anywhere');
    for (const name of ['node-a', 'node-b'])
      await cluster.create({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
    // The token of the daemon's own account, as mounted in its pod.
    const own = await cluster.token({
      namespace: 'imds-anywhere',
      account: 'imds-anywhere',
      audiences: [],
      seconds: 3_607,
    });
    const tokenFile = await workshop.write('own-token', own);
    byServer = `{ url: '${cluster.url}/openid/v1/jwks', caBundle: ${cluster.caFile}, tokenFile: ${tokenFile} }`;
    daemon = await daemonWith(configFor(byServer, `stateDirectory: ${path.join(workshop.directory, 'state')}`));
    await served(daemon, await tokenOf('uploader'));
    return async () => {
      await workshop.close();
      await cluster.close();
    };
  }, 240_000);

  test.each(CLIENTS)(
    'gets the role of its account with an unmodified SDK: %s',
    async (_, command) => {
      const file = await workshop.write('token', await tokenOf('uploader'));
      expect(await asked(command, `${daemon.url}/v1/credentials`, file)).toMatch(ASSUMED);
      expect(await asked(command, `${daemon.url}/v1/credentials/device`, file)).toMatch(ASSUMED);
      await writeFile(file, await tokenOf('other'));
      await expect(asked(command, `${daemon.url}/v1/credentials`, file)).rejects.toThrow();
    },
    180_000,
  );

  const inShop = { namespace: 'shop', account: 'uploader' } as const;
  const refused: Record<string, readonly [status: number, token: () => Promise<string>]> = {
    'an account without a role': [403, () => tokenOf('other')],
    'another audience': [401, () => tokenOf('uploader', { audiences: ['vault'] })],
    'two audiences': [401, () => tokenOf('uploader', { audiences: ['imds-anywhere', ISSUER] })],
    'no pod, as `kubectl create token` makes it': [401, () => cluster.token(inShop)],
    'a pod of another node': [401, async () => cluster.token({ ...inShop, pod: await podOf('uploader', 'node-b') })],
    'the token for the API server that every pod mounts': [
      401,
      () => tokenOf('uploader', { audiences: [], seconds: 3_607 }),
    ],
    'a token for 136 years': [401, () => tokenOf('uploader', { seconds: 4_294_967_296 })],
  };

  test.each(Object.keys(refused))('gets nothing with %s', async (name) => {
    const [status, token] = refused[name] ?? [0, () => Promise.resolve('')];
    expect(await statusOf(daemon, await token())).toBe(status);
  });

  test('gets a session of a second role with the tags of its account, with sessionTags', async () => {
    const chain = await emulatorWithChain(workshop);
    const assume = `    assume: { roleArn: ${DEPLOY}, externalId: ${EXTERNAL_ID}, endpoint: '${chain.url}' }`;
    const config = configFor(byServer, '', chain.config)
      .replace(/^( {4}imds: false)$/m, `$1\n${assume}`)
      .replace(/^( {4}issuer: .*)$/m, '$1\n    sessionTags: true');
    const tagged = await daemonWith(config);
    await served(tagged, await tokenOf('uploader'));
    const events = (await (await fetch(`${chain.url}/_emulator/events`)).json()) as Record<string, unknown>[];
    const assumed = events.findLast(({ eventName }) => eventName === 'AssumeRole');
    expect(assumed).toMatchObject({
      requestParameters: {
        roleArn: DEPLOY,
        principalTags: { 'kubernetes-namespace': 'shop', 'kubernetes-service-account': 'uploader' },
      },
    });
  }, 120_000);

  test('gets a session of its own with its name, with sessionTags: pod', async () => {
    const chain = await emulatorWithChain(workshop);
    const assume = `    assume: { roleArn: ${DEPLOY}, externalId: ${EXTERNAL_ID}, endpoint: '${chain.url}' }`;
    const audit = path.join(workshop.directory, 'audit-of-pods.jsonl');
    const config = configFor(byServer, `audit: { file: ${audit} }`, chain.config)
      .replace(/^( {4}imds: false)$/m, `$1\n${assume}`)
      .replace(/^( {4}issuer: .*)$/m, '$1\n    sessionTags: pod')
      .replace('serviceAccount: uploader', "serviceAccount: 'up*'");
    const own = await daemonWith(config);
    const pods = [await podOf('uploader'), await podOf('uploader')];
    const keyFor = async (pod: Pod): Promise<unknown> => {
      const token = await cluster.token({ namespace: 'shop', account: 'uploader', pod });
      await served(own, token);
      const answer = await fetch(`${own.url}/v1/credentials`, { headers: { authorization: token } });
      return ((await answer.json()) as Record<string, unknown>)['AccessKeyId'];
    };
    const keys: unknown[] = [];
    for (const pod of [...pods, ...pods]) keys.push(await keyFor(pod));
    expect(new Set(keys.slice(0, 2)).size).toBe(2);
    // Another token of the same pod gets the same session.
    expect(keys.slice(2)).toEqual(keys.slice(0, 2));
    const events = (await (await fetch(`${chain.url}/_emulator/events`)).json()) as Record<string, unknown>[];
    const tagged = events
      .filter(({ eventName }) => eventName === 'AssumeRole')
      .map(({ requestParameters }) => (requestParameters as { principalTags?: Record<string, string> }).principalTags)
      .filter((tags) => tags?.['kubernetes-pod-name']);
    expect(tagged).toEqual(
      pods.map(({ name }) => ({
        'kubernetes-namespace': 'shop',
        'kubernetes-service-account': 'uploader',
        'kubernetes-pod-name': name,
      })),
    );
    expect(events.filter(({ eventName }) => eventName === 'CreateSession')).toHaveLength(1);
    const reads = (await readFile(audit, 'utf8'))
      .split('\n')
      .filter((line) => line.includes('credentials.read'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const [at, { name }] of pods.entries())
      expect(reads.find(({ accessKeyId }) => accessKeyId === keys[at])).toMatchObject({ pod: name });
    await own.program.stop();
  }, 120_000);

  test('keeps its role through a rotation of the keys, and without an API server', async () => {
    const old = await tokenOf('uploader');
    await cluster.stopServer();
    await cluster.startServer(['first', 'second']);
    const young = await tokenOf('uploader');
    expect(JSON.parse(Buffer.from(young.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({ alg: 'ES256' });
    // The daemon reads the keys at most once in 30 seconds.
    await served(daemon, young, 90_000);
    expect(await statusOf(daemon, old)).toBe(200);
    const [unseen, unseenToo] = [await tokenOf('uploader'), await tokenOf('uploader')];
    await cluster.stopServer();
    onTestFinished(() => cluster.startServer(['first', 'second']), 120_000);
    expect(await statusOf(daemon, unseen)).toBe(200);
    await daemon.program.stop();
    const state = `stateDirectory: ${path.join(workshop.directory, 'state')}`;
    daemon = await daemonWith(configFor(byServer, state));
    await served(daemon, unseenToo);
  }, 180_000);

  test('is served by a daemon with the rights of the manifest, and these are all it needs', async () => {
    const account = { namespace: 'imds-anywhere', account: 'imds-anywhere', audiences: [] } as const;
    const own = await cluster.token(account);
    const usual = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:service-account-issuer-discovery';
    const keys = async (token: string): Promise<number> =>
      (await cluster.ask('GET', '/openid/v1/jwks', undefined, token)).status;
    expect(await keys(own)).toBe(200);
    // A hardened cluster.
    expect((await cluster.ask('DELETE', usual)).status).toBe(200);
    await eventually('403 without the usual binding', 30_000, async () =>
      (await keys(own)) === 403 ? true : undefined,
    );
    const hardened = await daemonWith(configFor(byServer));
    await hardened.program.says(/CLUSTER_KEYS_FORBIDDEN/);
    expect(await statusOf(hardened, await tokenOf('uploader'))).toBe(503);
    const [binding] = manifestsOf(kustomized('pod-identity')).filter(({ kind }) => kind === 'ClusterRoleBinding');
    await cluster.create(binding as Manifest);
    await eventually('the keys', 30_000, async () => ((await keys(own)) === 200 ? true : undefined));
    for (const target of ['/api/v1/secrets', '/api/v1/pods', '/api/v1/namespaces/imds-anywhere/configmaps'])
      expect((await cluster.ask('GET', target, undefined, own)).status).toBe(403);
    // Its own token for us is none for the API server.
    expect(await keys(await cluster.token({ ...account, audiences: ['imds-anywhere'] }))).toBe(401);
    await served(hardened, await tokenOf('uploader'));
    await hardened.program.stop();
  }, 120_000);

  const isPrivileged = mayMount() && hasTool('ip', '-V');
  if (!isPrivileged) process.stderr.write('left out: mounts and addresses of the manifest, which need root and ip\n');

  test.runIf(isPrivileged)(
    'is served by a daemon in the cluster, with nothing but its own account',
    async () => {
      const own = { namespace: 'imds-anywhere', account: 'imds-anywhere', audiences: [], seconds: 3_607 } as const;
      const token = await workshop.write('mounted-token', await cluster.token(own));
      const file = await workshop.write('in-cluster.yaml', configFor('in-cluster'));
      const args = ['--mount', '--propagation', 'private', 'sh', '-c', MOUNTED, 'sh', cluster.caFile, token];
      const program = new RunningProgram(
        spawn('unshare', [...args, process.execPath, PROGRAM, 'serve', file], {
          env: {
            PATH: process.env['PATH'],
            NODE_NAME: 'node-a',
            KUBERNETES_SERVICE_HOST: '127.0.0.1',
            KUBERNETES_SERVICE_PORT: String(cluster.port),
            // The API server is never behind the proxy.
            HTTPS_PROXY: 'http://127.0.0.1:1',
            NO_PROXY: '127.0.0.1:1',
          },
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      );
      onTestFinished(async () => {
        await program.stop();
      });
      await program.says(/cluster keys in use/);
      expect(program.stderr).not.toContain('CLUSTER_KEYS');
    },
    90_000,
  );

  test.runIf(isPrivileged)(
    'finds the addresses of the manifest, without TLS',
    async () => {
      const network = await Network.open();
      onTestFinished(() => network.close());
      const script = initScript();
      // A restart of the pod runs it again.
      for (let again = 0; again < 2; again += 1) await network.run('sh', '-c', script);
      const directory = await directoryIn(cluster, 'network');
      const jwks = path.join(directory, 'jwks.json');
      await writeFile(jwks, JSON.stringify((await cluster.ask('GET', '/openid/v1/jwks')).body));
      const account = network.program('emulate', '--dir', path.join(directory, 'account'), '--listen', '127.0.0.1:0');
      const [, sts = ''] = await account.says(/endpoint: (http:\S+)/);
      await account.says(/AWS_ENDPOINT_URL_STS/);
      const config = configFor(`{ file: ${jwks} }`, '', account.stdout).replace("    listen: ['127.0.0.1:0']\n", '');
      const file = await workshop.write('network.yaml', config);
      const serving = network.program('serve', file);
      await serving.says(/"pods":"http:\/\/169\.254\.170\.23:9913"/);
      const token = await workshop.write('network-token', await tokenOf('uploader'));
      for (const host of ['169.254.170.23', ...(network.hasIpv6 ? ['[fd00:ec2::23]'] : [])])
        for (const [name, command] of CLIENTS) {
          const uri = `http://${host}:9913/v1/credentials`;
          const arn = await eventually(`${name} at ${uri}\n${serving.stderr}`, 60_000, () =>
            asked([...network.inside, ...command], uri, token, sts).catch(() => undefined),
          );
          expect(arn).toMatch(ASSUMED);
        }
    },
    180_000,
  );
});

/** Runs a command with CA and token where the kubelet mounts them, in its form. */
const MOUNTED = `set -e
mount -t tmpfs tmpfs /run
place=/var/run/secrets/kubernetes.io/serviceaccount
mkdir -p $place
mount -t tmpfs -o mode=1777 tmpfs $place
mkdir $place/..2026
cp "$1" $place/..2026/ca.crt
cp "$2" $place/..2026/token
chmod 0644 $place/..2026/*
ln -s ..2026 $place/..data
for name in ca.crt token; do ln -s ..data/$name $place/$name; done
shift 2
exec "$@"
`;

/** What the init container of the DaemonSet runs. */
function initScript(): string {
  const daemonSet = manifestsOf(kustomized('pod-identity')).find(({ kind }) => kind === 'DaemonSet');
  const { initContainers } = (
    daemonSet?.['spec'] as { template: { spec: { initContainers: { command: string[] }[] } } }
  ).template.spec;
  return initContainers[0]?.command[2] ?? '';
}

/** A network of its own, like that of a node, with loopback only. */
class Network {
  readonly #holder: ChildProcess;
  readonly #programs: RunningProgram[] = [];
  hasIpv6 = false;

  static async open(): Promise<Network> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo up && exec sleep 600'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const network = new Network(holder);
    network.hasIpv6 = (await readFile(`/proc/${holder.pid ?? 0}/net/if_inet6`, 'utf8').catch(() => '')) !== '';
    return network;
  }

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  get inside(): readonly string[] {
    return ['nsenter', '--target', String(this.#holder.pid), '--net'];
  }

  async run(...command: readonly string[]): Promise<void> {
    const [program = '', ...args] = [...this.inside, ...command];
    await promisify(execFile)(program, args);
  }

  program(...args: readonly string[]): RunningProgram {
    const [program = '', ...before] = this.inside;
    const env = { PATH: process.env['PATH'], NODE_NAME: 'node-a' };
    const child = spawn(program, [...before, process.execPath, PROGRAM, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = new RunningProgram(child);
    this.#programs.push(running);
    return running;
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map((running) => running.stop()));
    const ended = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await ended;
  }
}
