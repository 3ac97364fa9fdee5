import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './program.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
/** Not in /run/user, which ProtectHome= hides. */
export const RUNTIME = '/run/manager';
const INSIDE = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';
/** For a drop-in: `StandardError=append:`. There is no journal. */
export const UNIT_LOG = '/run/units.log';

/** Version 2, version 1, and both. */
const CONTROL_GROUPS = ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'];

/**
 * In its own mount namespace: an empty /run, and writable overlays of /usr, /etc and /var that
 * leave no trace on the machine. Then runs a real systemd as the user manager of root. As root, it
 * applies DynamicUser= and the whole sandbox, like process 1. Without `make-rshared`, the
 * directories of LoadCredential= stay empty. The manager needs its own control group: otherwise all
 * managers of this machine share units of the same name, and stopping a service in one ends it in
 * the others.
 */
const BOOT = `set -e
mount --make-rshared /
mount -t tmpfs tmpfs /run
for tree in usr etc var; do
  mkdir -p /run/overlay/$tree/upper /run/overlay/$tree/work
  mount -t overlay overlay -o "lowerdir=/$tree,upperdir=/run/overlay/$tree/upper,workdir=/run/overlay/$tree/work" /$tree
done
[ "$NETWORK" = shared ] || ip link set lo up
mkdir -p ${RUNTIME} /run/home /run/systemd/system
# What units are shown in place of what they may not see; process 1 makes these otherwise.
mkdir -p -m 0 /run/systemd/inaccessible/dir
touch /run/systemd/inaccessible/reg
# Units see neither /tmp nor /home, wherever this Node is.
touch /usr/bin/node
mount --bind "$NODE" /usr/bin/node
for tree in ${CONTROL_GROUPS.join(' ')}; do
  [ ! -w $tree/cgroup.procs ] || { mkdir $tree/$GROUP && echo $$ >$tree/$GROUP/cgroup.procs; }
done
exec /lib/systemd/systemd --user --unit=basic.target --log-target=console --log-level=warning
`;

const CAP_SYS_ADMIN = 1n << 21n;

/** Whether this process may create a mount namespace: root, and not in an ordinary container. */
export function mayMount(): boolean {
  if (process.platform !== 'linux') return false;
  const [, capabilities = '0'] = /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (BigInt(`0x${capabilities}`) & CAP_SYS_ADMIN) !== 0n;
}

/** A machine with systemd for the program. Needs root on Linux. */
export class PrivateHost {
  readonly #manager: ChildProcess;
  readonly #group: string;
  #said = '';

  /** @param network - of the machine, or a new one with only a loopback device. */
  static async boot(network: 'shared' | 'own' = 'shared'): Promise<PrivateHost> {
    const group = `imds-anywhere-test-${randomUUID()}`;
    const own = network === 'own' ? ['--net'] : [];
    const manager = spawn('unshare', ['--mount', ...own, '--propagation', 'private', 'sh', '-c', BOOT], {
      env: {
        PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
        HOME: '/run/home',
        XDG_RUNTIME_DIR: RUNTIME,
        NODE: process.execPath,
        NETWORK: network,
        GROUP: group,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const host = new PrivateHost(manager, group);
    await eventually('systemd', 45_000, async () => {
      if (manager.exitCode !== null) throw new Error(`systemd ended: ${host.#said}`);
      return host.systemctl('is-active', 'basic.target').then(
        () => true,
        () => undefined,
      );
    });
    // Process 1 opens its socket to all, and identifies each sender by its process id.
    await host.run('chmod', '0777', `${RUNTIME}/systemd/notify`);
    return host;
  }

  private constructor(manager: ChildProcess, group: string) {
    this.#manager = manager;
    this.#group = group;
    for (const stream of [manager.stdout, manager.stderr]) stream?.on('data', (text) => (this.#said += String(text)));
  }

  /** Runs a command on the host, as root. @returns its output. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const inside = ['--target', String(this.#manager.pid), '--mount', '--net', command, ...args];
    const env = {
      PATH: INSIDE,
      HOME: '/run/home',
      XDG_RUNTIME_DIR: RUNTIME,
      LC_ALL: 'C.UTF-8',
    };
    const { stdout } = await promisify(execFile)('nsenter', inside, { env });
    return stdout;
  }

  async write(file: string, content: string, mode = 0o644): Promise<void> {
    const script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1" && chmod "$3" "$1"';
    await this.run('sh', '-c', script, 'sh', file, content, mode.toString(8));
  }

  /** The program and its units from the repository. */
  async installProgram(): Promise<void> {
    const script = `mkdir -p /usr/lib/imds-anywhere/node_modules/@koromix && cd "$1"
      cp -r dist package.json /usr/lib/imds-anywhere
      [ ! -d node_modules/koffi ] || cp -r node_modules/koffi /usr/lib/imds-anywhere/node_modules
      [ ! -d node_modules/@koromix ] || cp -r node_modules/@koromix /usr/lib/imds-anywhere/node_modules
      ln -sf ../lib/imds-anywhere/dist/main.js /usr/bin/imds-anywhere
      cp systemd/imds-anywhere* /usr/lib/systemd/user`;
    await this.run('sh', '-c', script, 'sh', REPOSITORY);
  }

  /**
   * Redirects commands for process 1, such as the scripts of a package, to this manager. It then
   * also knows the units in the directories of process 1.
   */
  async standInForProcess1(): Promise<void> {
    await this.write('/usr/local/bin/systemctl', '#!/bin/sh\nexec /usr/bin/systemctl --user "$@"\n', 0o755);
    // In container images, it keeps packages from starting and stopping services.
    await this.run('rm', '-f', '/usr/sbin/policy-rc.d');
    const units = ['imds-anywhere.service', 'imds-anywhere@.service', 'imds-anywhere.socket'];
    for (const unit of units) await this.run('ln', '-s', `../system/${unit}`, `/usr/lib/systemd/user/${unit}`);
  }

  /** Settings in addition to the unit's file. */
  async dropIn(unit: string, content: string): Promise<void> {
    await this.write(`/etc/systemd/user/${unit}.d/test.conf`, content);
    await this.systemctl('daemon-reload');
  }

  async systemctl(...args: readonly string[]): Promise<string> {
    return this.run('systemctl', '--user', '--no-pager', ...args).catch(async (error: unknown) => {
      throw new Error(`systemctl ${args.join(' ')}: ${this.#said}\n${await this.unitLog()}`, { cause: error });
    });
  }

  async unitState(unit: string): Promise<string> {
    return this.property(unit, 'ActiveState');
  }

  async property(unit: string, name: string): Promise<string> {
    return (await this.systemctl('show', '--value', '--property', name, unit)).trim();
  }

  /** The standard error of units that append it to this file. */
  unitLog(): Promise<string> {
    return this.run('sh', '-c', `cat ${UNIT_LOG} 2>&1 || true`);
  }

  readonly shutDown = async (): Promise<void> => {
    if (this.#manager.exitCode === null) {
      const ended = once(this.#manager, 'exit');
      this.#manager.kill('SIGTERM');
      await ended;
    }
    for (const tree of CONTROL_GROUPS) await removeGroups(path.join(tree, this.#group));
  };
}

/** Removes the innermost first. There may be none. */
async function removeGroups(directory: string): Promise<void> {
  const below = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of below) if (entry.isDirectory()) await removeGroups(path.join(directory, entry.name));
  await rmdir(directory).catch(() => undefined);
}
