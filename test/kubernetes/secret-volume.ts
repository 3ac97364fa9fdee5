import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Issued } from '../support/pki.ts';

/**
 * A Secret as mounted by the kubelet: files are links through `..data`, which is switched to the
 * directory of a new version.
 */
export class SecretVolume {
  readonly path: string;
  #version = 0;

  constructor(directory: string) {
    this.path = directory;
  }

  /** Installs a new version and removes the old one. */
  async update({ certificatePem, keyPem }: Issued): Promise<void> {
    const old = this.#name();
    this.#version += 1;
    const directory = path.join(this.path, this.#name());
    await mkdir(directory, { recursive: true });
    // 0440, like in the manifests.
    await writeFile(path.join(directory, 'tls.crt'), certificatePem, { mode: 0o440 });
    await writeFile(path.join(directory, 'tls.key'), keyPem, { mode: 0o440 });
    await symlink(this.#name(), path.join(this.path, '..data_tmp'));
    await rename(path.join(this.path, '..data_tmp'), path.join(this.path, '..data'));
    if (this.#version === 1) await this.#link();
    else await rm(path.join(this.path, old), { recursive: true });
  }

  async #link(): Promise<void> {
    for (const name of ['tls.crt', 'tls.key']) await symlink(`..data/${name}`, path.join(this.path, name));
  }

  #name(): string {
    return `..2026_${this.#version}`;
  }
}
