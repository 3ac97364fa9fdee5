import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { eventually } from '../support/program.ts';

export const DAEMON = 'spiffe://example.org/imds-anywhere';
const AGENT = 'spiffe://example.org/agent';

/** A real server and agent of SPIRE, below a root of ours. Built from test/spiffe/spire by .ci/run. */
export class SpireSite {
  /** The upstream authority, which lasts for years. */
  readonly root: Authority;
  readonly #directory: string;
  readonly #port: number;
  #server: ChildProcess | undefined;
  #agent: ChildProcess | undefined;

  static async start(): Promise<SpireSite> {
    // Below a directory that only root can change, because the agent accepts no other place.
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-spire-'));
    await chmod(directory, 0o755);
    const site = new SpireSite(directory, await freePort(), await makeAuthority('Example Upstream Root'));
    await site.#configure();
    await site.startServer();
    const { stdout } = await site.spireServer('token', 'generate', '-spiffeID', AGENT);
    await site.startAgent(/Token: (\S+)/.exec(stdout)?.[1] ?? '');
    return site;
  }

  private constructor(directory: string, port: number, root: Authority) {
    this.#directory = directory;
    this.#port = port;
    this.root = root;
  }

  get socket(): string {
    return this.#in('public/api.sock');
  }

  async startServer(): Promise<void> {
    this.#server = this.#run('spire-server', ['run', '-config', this.#in('server.conf')]);
    await this.#healthy('spire-server', this.#server, ['-socketPath', this.#in('server.sock')]);
  }

  stopServer(): Promise<void> {
    return ended(this.#server);
  }

  /** @param token - for its first start. */
  async startAgent(token?: string): Promise<void> {
    const joining = token === undefined ? [] : ['-joinToken', token];
    this.#agent = this.#run('spire-agent', ['run', '-config', this.#in('agent.conf'), ...joining]);
    await this.#healthy('spire-agent', this.#agent, ['-socketPath', this.socket]);
  }

  stopAgent(): Promise<void> {
    return ended(this.#agent);
  }

  /** Its connections stay open, and it does nothing. */
  freezeAgent(): void {
    this.#agent?.kill('SIGSTOP');
  }

  thawAgent(): void {
    this.#agent?.kill('SIGCONT');
  }

  readonly close = async (): Promise<void> => {
    await this.stopAgent();
    await this.stopServer();
    await rm(this.#directory, { recursive: true, force: true });
  };

  /** A command of the server. */
  spireServer(...args: readonly string[]): Promise<{ readonly stdout: string }> {
    return promisify(execFile)('spire-server', [...args, '-socketPath', this.#in('server.sock')]);
  }

  /** For processes of this user. */
  async register(id: string, seconds: number, ...more: readonly string[]): Promise<void> {
    await this.spireServer(
      ...['entry', 'create', '-parentID', AGENT, '-spiffeID', id],
      ...['-selector', `unix:uid:${process.getuid?.() ?? 0}`, '-x509SVIDTTL', String(seconds), ...more],
    );
  }

  async unregister(id: string): Promise<void> {
    const { stdout } = await this.spireServer('entry', 'show', '-spiffeID', id, '-output', 'json');
    const { entries } = JSON.parse(stdout) as { readonly entries: readonly { readonly id: string }[] };
    for (const entry of entries) await this.spireServer('entry', 'delete', '-entryID', entry.id);
  }

  async #configure(): Promise<void> {
    for (const name of ['server', 'agent', 'public']) await mkdir(this.#in(name), { mode: 0o755 });
    await writeFile(this.#in('root.pem'), this.root.certificatePem);
    await writeFile(this.#in('root.key'), this.root.keyPem, { mode: 0o600 });
    await writeFile(
      this.#in('server.conf'),
      `server {
  bind_address = "127.0.0.1"
  bind_port = "${this.#port}"
  socket_path = "${this.#in('server.sock')}"
  trust_domain = "example.org"
  data_dir = "${this.#in('server')}"
}
plugins {
  DataStore "sql" { plugin_data { database_type = "sqlite3", connection_string = "${this.#in('server/data.sqlite3')}" } }
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "disk" { plugin_data { keys_path = "${this.#in('server/keys.json')}" } }
  UpstreamAuthority "disk" { plugin_data { cert_file_path = "${this.#in('root.pem')}", key_file_path = "${this.#in('root.key')}" } }
}
`,
    );
    await writeFile(
      this.#in('agent.conf'),
      `agent {
  server_address = "127.0.0.1"
  server_port = "${this.#port}"
  socket_path = "${this.socket}"
  trust_bundle_path = "${this.#in('root.pem')}"
  trust_domain = "example.org"
  data_dir = "${this.#in('agent')}"
}
plugins {
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "disk" { plugin_data { directory = "${this.#in('agent')}" } }
  WorkloadAttestor "unix" { plugin_data {} }
}
`,
    );
  }

  #in(name: string): string {
    return path.join(this.#directory, name);
  }

  #run(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(this.#in(`${program}.log`), { flags: 'a' });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    return child;
  }

  async #healthy(program: string, child: ChildProcess, where: readonly string[]): Promise<void> {
    await eventually(program, 120_000, async () => {
      if (child.exitCode !== null) throw new Error(await readFile(this.#in(`${program}.log`), 'utf8'));
      return promisify(execFile)(program, ['healthcheck', ...where]).then(
        () => true,
        () => undefined,
      );
    });
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  // One that is stopped ends only then.
  child.kill('SIGCONT');
  await once(child, 'exit');
}
