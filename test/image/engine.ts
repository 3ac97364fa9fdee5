import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

// cgroupfs and a file for events, because the machine may lack systemd. runc, because crun rejects
// hybrid cgroups. The limits are those that an unprivileged container may set.
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/**
 * buildah and podman with their own store, so that nothing of the user's is changed and nothing is
 * left.
 */
export class Engine {
  readonly directory: string;

  static async open(): Promise<Engine> {
    const engine = new Engine(await mkdtemp(path.join(tmpdir(), 'imds-anywhere-containers-')));
    await writeFile(engine.#conf, CONTAINERS_CONF);
    return engine;
  }

  constructor(directory: string) {
    this.directory = directory;
  }

  get #conf(): string {
    return path.join(this.directory, 'containers.conf');
  }

  async podman(...args: string[]): Promise<string> {
    return this.run('podman', [...this.#store, ...args]);
  }

  async buildah(...args: string[]): Promise<string> {
    return this.run('buildah', [...this.#store, ...args]);
  }

  get #store(): string[] {
    return ['--root', path.join(this.directory, 'root'), '--runroot', path.join(this.directory, 'runroot')];
  }

  /** The output of a container so far: standard output, then standard error. */
  async printed(container: string): Promise<string> {
    const { stdout, stderr } = await this.#execute('podman', [...this.#store, 'logs', container]);
    return stdout + stderr;
  }

  /** @returns standard output. @throws with standard error in the message. */
  async run(program: string, args: readonly string[]): Promise<string> {
    return (await this.#execute(program, args)).stdout.trim();
  }

  async #execute(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    const env = { ...process.env, CONTAINERS_CONF: this.#conf, BUILDAH_ISOLATION: 'chroot' };
    // conmon leaves a file named oom in the working directory.
    return promisify(execFile)(program, args, { env, cwd: this.directory, maxBuffer: 2 ** 24 });
  }

  async close(): Promise<void> {
    await this.podman('rm', '--all', '--force', '--time', '0');
    await this.buildah('rm', '--all');
    // The driver leaves its directory mounted on itself.
    await this.run('umount', [path.join(this.directory, 'root/overlay')]).catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true });
  }
}
