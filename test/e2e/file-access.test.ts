import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { describeAttack, OTHER_USER } from '../files/support.ts';
import { mayMount } from '../support/private-host.ts';
import { PROGRAM, run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let written: string;
/** For the certificate and the key in the configuration. */
let named: { readonly certificate: string; readonly privateKey: string };

beforeAll(async () => {
  workshop = await Workshop.open();
  written = (await workshop.emulator()).config;
  const valueOf = (key: string): string => new RegExp(`${key}: ["']?([^"'\\s,}]+)`).exec(written)?.[1] ?? '';
  named = { certificate: valueOf('certificate'), privateKey: valueOf('privateKey') };
  return workshop.close;
});

interface Scene {
  readonly directory: string;
  readonly config: string;
  readonly key: string;
}

/** Certificate, key and configuration in a new directory that everyone may enter. */
async function scene(more = ''): Promise<Scene> {
  const directory = await mkdtemp(path.join(tmpdir(), 'file-access-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const [certificate, key] = [path.join(directory, 'device.pem'), path.join(directory, 'device.key')];
  await cp(named.certificate, certificate);
  await cp(named.privateKey, key);
  await chmod(certificate, 0o644);
  await chmod(key, 0o600);
  const config = path.join(directory, 'config.yaml');
  const content = written.replaceAll(named.privateKey, key).replaceAll(named.certificate, certificate);
  await writeFile(config, `${content}\n${more}\n`, { mode: 0o644 });
  return { directory, config, key };
}

const check = (config: string): ReturnType<typeof run> => run(['check-config', config]);

describeWith('POSIX users', process.getuid !== undefined, 'files that others could change', () => {
  test('are absent in the user’s own directory', async () => {
    const { config } = await scene();
    const { code, stdout } = await check(config);
    expect([code, stdout]).toEqual([0, expect.not.stringContaining('FILE_')]);
  });

  test('are all reported by check-config, each at its key', async () => {
    const { config, directory } = await scene('stateKey: { file: state.key }\nstateDirectory: state');
    await writeFile(path.join(directory, 'state.key'), 'x'.repeat(40));
    for (const name of ['config.yaml', 'device.pem', 'state.key']) await chmod(path.join(directory, name), 0o666);
    const { code, stderr } = await check(config);
    expect(code).toBe(2);
    for (const name of ['config.yaml', 'device.pem', 'state.key'])
      expect(stderr).toContain(`every user can write the file ${directory}/${name} (mode 0666)`);
    expect(stderr).toMatch(/identity\.certificate\n.*FILE_WRITABLE_BY_OTHERS/);
    expect(stderr).toMatch(/stateKey\n.*FILE_WRITABLE_BY_OTHERS/);
    for (const name of ['config.yaml', 'device.pem', 'state.key']) await chmod(path.join(directory, name), 0o644);
    expect((await check(config)).code).toBe(0);
  });

  test.each(['config.yaml', 'ca.pem', 'state.key'])('make serve fail: %s', async (name) => {
    const { config, directory } = await scene('stateKey: { file: state.key }\nstateDirectory: state');
    await writeFile(path.join(directory, 'state.key'), 'x'.repeat(40));
    await writeFile(path.join(directory, 'ca.pem'), '');
    const content = (await readFile(config, 'utf8')).replace(/endpoint:/, 'caBundle: ca.pem\n  endpoint:');
    expect(content).toContain('caBundle');
    await writeFile(config, content);
    await chmod(path.join(directory, name), 0o666);
    expect(await run(['serve', config])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`every user can write the file ${directory}/${name}`) as string,
    });
  });

  test('a world-writable directory above is rejected, a sticky one is not', async () => {
    const { config, directory } = await scene();
    await chmod(directory, 0o777);
    expect(await check(config)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`every user can write the directory ${directory} (mode 0777)`) as string,
    });
    await chmod(directory, 0o1777);
    expect((await check(config)).code).toBe(0);
  });

  test('a volume as created by Kubernetes is valid: sticky, links, a group that may read', async () => {
    const { config, directory } = await scene();
    const volume = path.join(directory, 'volume');
    await mkdir(path.join(volume, '..2026'), { recursive: true });
    for (const name of ['device.pem', 'device.key']) {
      await cp(path.join(directory, name), path.join(volume, '..2026', name));
      await symlink(`..data/${name}`, path.join(volume, name));
    }
    await symlink('..2026', path.join(volume, '..data'));
    await chmod(volume, 0o1777);
    await writeFile(config, (await readFile(config, 'utf8')).replaceAll(/\/(device\.\w+)/g, '/volume/$1'));
    const { code, stdout, stderr } = await check(config);
    expect([code, stderr, stdout]).toEqual([0, '', expect.not.stringContaining('FILE_')]);
  });
});

const asUser = (groups: string, ...args: readonly string[]): string => {
  const user = ['--reuid', String(OTHER_USER), '--regid', String(OTHER_USER), '--groups', groups];
  return execFileSync('setpriv', [...user, process.execPath, PROGRAM, ...args], { encoding: 'utf8', env: {} });
};

describeAttack('files of two users', () => {
  test('a key of root that one group may read is accepted by a daemon in that group', async () => {
    const { config, key } = await scene();
    await chown(key, 0, 4_711);
    await chmod(key, 0o640);
    expect(asUser('4711', 'check-config', config)).toContain('is good');
    await chmod(key, 0o660);
    expect(() => asUser('4711', 'check-config', config)).toThrow('KEY_FILE_EXPOSED');
    await chmod(key, 0o644);
    expect(() => asUser('4711', 'check-config', config)).toThrow('KEY_FILE_EXPOSED');
  });

  test('root accepts neither a key nor a certificate of another user', async () => {
    const { config, key, directory } = await scene();
    await chown(key, OTHER_USER, OTHER_USER);
    expect((await check(config)).stderr).toContain(`${key} belongs to user ${OTHER_USER}`);
    await chown(key, 0, 0);
    await chown(path.join(directory, 'device.pem'), OTHER_USER, OTHER_USER);
    expect((await check(config)).stderr).toContain(`device.pem belongs to user ${OTHER_USER}`);
  });

  test('a configuration in the directory of another user is rejected by root, not by that user', async () => {
    const { config, directory } = await scene();
    for (const at of [
      directory,
      ...['config.yaml', 'device.pem', 'device.key'].map((name) => path.join(directory, name)),
    ])
      await chown(at, OTHER_USER, OTHER_USER);
    expect(await run(['serve', config])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FILE_OWNED_BY_OTHER') as string,
    });
    expect(asUser('1', 'check-config', config)).toContain('is good');
  });

  test('a link of another user in a sticky directory is not followed', async () => {
    const { config, directory } = await scene();
    await chmod(directory, 0o1777);
    execFileSync('ln', ['-s', path.basename(config), path.join(directory, 'link.yaml')]);
    execFileSync('chown', ['-h', String(OTHER_USER), path.join(directory, 'link.yaml')]);
    expect((await check(path.join(directory, 'link.yaml'))).stderr).toContain('FILE_LINK_UNTRUSTED');
  });
});

describeWith('a mount namespace (root)', mayMount() && hasTool('unshare', '--version'), 'a ConfigMap', () => {
  // As a kubelet 1.36 makes it: everybody can write the directory, and the container has it read-only.
  test.each([
    ['is valid on its read-only mount', '.', 'remount,ro,bind', 0],
    ['is rejected where it can be written', '.', 'remount,rw,bind', 2],
    // As in a unit with ProtectSystem=strict. Other users of the host still write there.
    ['is rejected where only a directory above is the mount', '..', 'remount,ro,bind', 2],
  ])('%s', async (_, mounted, remount, code) => {
    const { directory, config } = await scene();
    const volume = path.join(directory, 'volume');
    const version = path.join(volume, '..2026');
    await mkdir(version, { recursive: true });
    await cp(config, path.join(version, 'config.yaml'));
    await symlink('..2026', path.join(volume, '..data'));
    await symlink('..data/config.yaml', path.join(volume, 'config.yaml'));
    await chmod(volume, 0o2777);
    const script = `mount --bind "$1" "$1" && mount -o ${remount} "$1" && exec "$2" "$3" check-config "$4/config.yaml"`;
    const args = [path.join(volume, mounted), process.execPath, PROGRAM, volume];
    const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const stderr = await text(child.stderr);
    expect([child.exitCode ?? (await once(child, 'exit'))[0], stderr]).toEqual([
      code,
      code === 0 ? expect.not.stringContaining('FILE_') : expect.stringContaining('FILE_LINK_UNTRUSTED'),
    ]);
  });
});

describeWith('mkfifo', hasTool('mkfifo', '--version'), 'files that can be read only once', () => {
  test('credential-process and check-config read from a pipe', async () => {
    const { config, key, directory } = await scene();
    const pipe = path.join(directory, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    await writeFile(config, (await readFile(config, 'utf8')).replaceAll(key, pipe));
    for (const args of [
      ['check-config', config],
      ['credential-process', '--config', config],
    ]) {
      const feeding = spawn('sh', ['-c', 'cat "$1" >"$2"', 'sh', key, pipe], { stdio: 'ignore' });
      const outcome = await run(args, { env: { HOME: directory } });
      feeding.kill();
      expect([outcome.code, outcome.stderr]).toEqual([0, '']);
    }
  });

  test('/dev/stdin has the key: a pipe, and the socket that Node gives its children', async () => {
    const { config, key } = await scene();
    await writeFile(config, (await readFile(config, 'utf8')).replaceAll(key, '/dev/stdin'));
    const child = spawn(process.execPath, [PROGRAM, 'credential-process', '--no-cache', '--config', config]);
    child.stdin.end(await readFile(key));
    expect(JSON.parse(await text(child.stdout))).toMatchObject({ Version: 1 });
    const piped = execFileSync('sh', [
      '-c',
      'cat "$1" | "$2" "$3" check-config "$4"',
      'sh',
      key,
      process.execPath,
      PROGRAM,
      config,
    ]);
    expect(piped.toString()).toContain('is good');
  });
});
