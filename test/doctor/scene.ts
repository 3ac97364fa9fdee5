import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import type { LeafOptions } from '../support/pki.ts';
import { arnOf, roleArnOf, type Site } from './site.ts';

/** The written configuration of a scene. Seeds change it. */
export interface WrittenScene {
  identity: Record<string, unknown>;
  rolesAnywhere: Record<string, unknown>;
  roles: [Record<string, unknown>, ...Record<string, unknown>[]];
  container?: { listen: string; tokens: Record<string, unknown>[]; kubernetes?: Record<string, unknown> };
  socket?: { path: string };
  [other: string]: unknown;
}

/** One device and its configuration, in a directory of its own. */
export class Scene {
  readonly site: Site;
  readonly directory: string;
  readonly config: WrittenScene;
  readonly environment: Record<string, string> = {};
  readonly flags: string[] = [];
  /** Replaces the configuration file. */
  text: string | undefined;
  readonly #finally: (() => Promise<void>)[] = [];

  static async at(site: Site, name: string): Promise<Scene> {
    const directory = path.join(site.workshop.directory, name);
    await mkdir(directory, { recursive: true });
    const scene = new Scene(site, directory);
    await scene.issue({});
    await scene.write('root-ca.pem', site.authority.certificatePem);
    return scene;
  }

  private constructor(site: Site, directory: string) {
    this.site = site;
    this.directory = directory;
    this.config = {
      identity: {
        certificate: this.file('device.pem'),
        privateKey: this.file('device.key'),
        trustAnchorBundle: this.file('root-ca.pem'),
      },
      rolesAnywhere: {
        endpoint: site.url,
        trustAnchorArn: arnOf('trust-anchor', 1),
        profileArn: arnOf('profile', 1),
      },
      roles: [{ name: 'device', roleArn: roleArnOf('device'), imds: { listen: site.daemon.imds.device } }],
      container: {
        listen: site.daemon.container,
        tokens: [{ client: 'app', roles: ['device'], file: site.daemon.tokenFile }],
      },
      socket: { path: site.daemon.socket },
    };
    this.environment['HOME'] = directory;
  }

  file(name: string): string {
    return path.join(this.directory, name);
  }

  async write(name: string, content: string, mode = 0o600): Promise<string> {
    const file = this.file(name);
    await writeFile(file, content);
    await chmod(file, mode);
    return file;
  }

  /** Writes another device certificate and its key. */
  async issue(options: LeafOptions, authority = this.site.authority): Promise<void> {
    const device = await authority.issue(options);
    await this.write('device.pem', device.certificatePem);
    await this.write('device.key', device.keyPem);
  }

  /** After everything that the seeds wrote. */
  finally(last: () => Promise<void>): void {
    this.#finally.push(last);
  }

  /** @returns the configuration file. */
  async finished(): Promise<string> {
    const file = await this.write('config.yaml', this.text ?? stringify(this.config));
    for (const last of this.#finally) await last();
    return file;
  }
}
