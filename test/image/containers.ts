import { mkdtemp, realpath } from 'node:fs/promises';
import path from 'node:path';
import { inject } from 'vitest';
import { eventually } from '../support/program.ts';
import { IMAGE } from './build-image.ts';
import { Engine } from './engine.ts';

/** The options of docs/containers.md. */
export const HARDENED = [
  ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
  ...['--memory', '128m', '--memory-swap', '128m', '--pids-limit', '64'],
];

export const NODE = '/nodejs/bin/node';

export const WHO_AM_I = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
  console.log((await new STSClient().send(new GetCallerIdentityCommand())).Arn);`;

/** Empty if buildah or podman is missing, or the user is not root. */
export const engineDirectory = inject('engineDirectory');

/** Containers that share a network with only loopback, like those of a pod. */
export class Pod {
  readonly engine = new Engine(engineDirectory);
  readonly account: string;
  readonly #names: string[] = [];
  #config = '';

  /** With an emulator as its first container. */
  static async open(): Promise<Pod> {
    const pod = new Pod(await mkdtemp(path.join(engineDirectory, 'account-')));
    await pod.engine.run('chown', ['65532', pod.account]);
    const emulator = await pod.run(
      'emulator',
      [],
      ['emulate', '--dir', '/account/files', '--listen', '127.0.0.1:8700'],
    );
    pod.#config = await pod.says(emulator, /AWS_ENDPOINT_URL_STS/);
    return pod;
  }

  private constructor(account: string) {
    this.account = account;
  }

  /** The configuration printed by the emulator. */
  get config(): string {
    return /^identity:[^]*roleArn: .*$/m.exec(this.#config)?.[0] ?? '';
  }

  /** One value of it. */
  setting(key: string): string {
    return new RegExp(`${key}: (\\S+)`).exec(this.#config)?.[1] ?? '';
  }

  /** Starts a container in the background. @returns its name. */
  async run(name: string, options: readonly string[], args: readonly string[]): Promise<string> {
    const unique = `${name}-${path.basename(this.account)}`;
    await this.engine.podman('run', '--detach', '--name', unique, ...this.#place(), ...options, IMAGE, ...args);
    this.#names.push(unique);
    return unique;
  }

  /** Runs a JavaScript module next to the others, with the AWS SDK. @returns its output. */
  async application(script: string): Promise<string> {
    const modules = await realpath(path.resolve(import.meta.dirname, '../../node_modules'));
    const env = {
      AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9911',
      AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:8700',
      AWS_REGION: 'eu-central-1',
    };
    return this.engine.podman(
      ...['run', '--rm', ...this.#place(), '--volume', `${modules}:/application/node_modules:ro`],
      ...[
        '--workdir',
        '/application',
        ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ],
      ...['--entrypoint', NODE, IMAGE, '--input-type=module', '--eval', script],
    );
  }

  #place(): string[] {
    const [first] = this.#names;
    const network = first === undefined ? 'none' : `container:${first}`;
    return [...HARDENED, '--network', network, '--volume', `${this.account}:/account`];
  }

  /** Waits for the output of a container. @returns all of it. */
  async says(name: string, pattern: RegExp): Promise<string> {
    return eventually(`${String(pattern)} from ${name}`, 60_000, async () => {
      const printed = await this.engine.printed(name);
      return pattern.test(printed) ? printed : undefined;
    });
  }

  async close(): Promise<void> {
    for (const name of this.#names.reverse()) await this.engine.podman('rm', '--force', '--time', '0', name);
  }
}
