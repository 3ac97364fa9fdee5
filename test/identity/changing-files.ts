import { createHash, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type WatchFiles, watchFiles } from '../../src/files/file-watcher.ts';
import type { Clock } from '../../src/foundation/clock.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import { WatchedIdentity } from '../../src/identity/watched-identity.ts';
import type { FileKey } from '../../src/keys/signing-key.ts';
import { IdentityRollover } from '../../src/sessions/identity-rollover.ts';
import { grantedSession, type LogLine, recordingLog } from '../sessions/support.ts';
import type { Issued } from '../support/pki.ts';
import { eventually } from '../support/program.ts';

/** The two files of an identity, as their writer wants them. */
export type Pair = Pick<Issued, 'certificatePem' | 'keyPem'>;

/** Where certificates lie, and how they come to be there. */
export class IdentityDirectory {
  readonly path: string;
  readonly certificate: string;
  readonly key: string;
  #versions = 0;

  static async make(): Promise<IdentityDirectory> {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-files-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    return new IdentityDirectory(directory);
  }

  private constructor(directory: string) {
    this.path = directory;
    this.certificate = path.join(directory, 'tls.crt');
    this.key = path.join(directory, 'tls.key');
  }

  /** Truncated and written. */
  async write(file: string, content: string | Buffer): Promise<void> {
    await writeFile(file, content, { mode: 0o600 });
  }

  async writePair({ certificatePem, keyPem }: Pair): Promise<void> {
    await this.write(this.certificate, certificatePem);
    await this.write(this.key, keyPem);
  }

  async renameOver(file: string, content: string): Promise<void> {
    await this.write(`${file}.new`, content);
    await rename(`${file}.new`, file);
  }

  /** As the kubelet does it: a directory with a time for its name, and `..data` swapped to it. @returns the directory. */
  async swapData({ certificatePem, keyPem }: Pair): Promise<string> {
    this.#versions += 1;
    const version = path.join(this.path, `..2026_${this.#versions}`);
    await mkdir(version);
    await this.write(path.join(version, 'tls.crt'), certificatePem);
    await this.write(path.join(version, 'tls.key'), keyPem);
    await symlink(path.basename(version), path.join(this.path, '..data_tmp'));
    await rename(path.join(this.path, '..data_tmp'), path.join(this.path, '..data'));
    return version;
  }

  /** The links that a Kubernetes volume has from its first day on. */
  async linkThroughData(): Promise<void> {
    await symlink('..data/tls.crt', this.certificate);
    await symlink('..data/tls.key', this.key);
  }

  /** As certbot does it: new files in an archive, and links created again, one after the other. */
  async relink({ certificatePem, keyPem }: Pair): Promise<void> {
    this.#versions += 1;
    const archive = path.join(this.path, 'archive');
    await mkdir(archive, { recursive: true });
    const files = { [this.certificate]: certificatePem, [this.key]: keyPem };
    for (const [link, content] of Object.entries(files)) {
      const file = path.join(archive, `${this.#versions}-${path.basename(link)}`);
      await this.write(file, content);
      await unlink(link).catch(() => undefined);
      await symlink(file, link);
    }
  }
}

export interface Watching {
  readonly clock: Clock;
  readonly watch?: WatchFiles;
  /** For when there is a passphrase. */
  readonly secret?: string;
  /** The key is in the certificate's file. */
  readonly inOneFile?: boolean;
}

/** Watches a directory while a service that grants everything adopts every candidate, and notes each identity that comes to be used. */
export class WatchedDirectory {
  readonly identity: WatchedIdentity;
  readonly lines: LogLine[];
  readonly #used: SigningIdentity[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(directory: IdentityDirectory, { clock, watch = watchFiles, secret, inOneFile }: Watching) {
    const { log, lines } = recordingLog();
    this.lines = lines;
    const held = new IdentityRollover({ clock, log });
    const granting = held.within(() => Promise.resolve(grantedSession(clock.now())), 'device');
    held.onChange(() => {
      if (held.candidate && held.used) void granting(held.used, new AbortController().signal);
    });
    const config = {
      certificate: directory.certificate,
      ...(inOneFile ? {} : { privateKey: directory.key }),
      ...(secret === undefined ? {} : { passphrase: { from: 'environment', variable: 'SECRET' } as const }),
      allowReadableKey: false,
    };
    const files = { readIdentity: loadIdentity, watch, environment: { SECRET: secret } };
    this.identity = new WatchedIdentity(config, { ...files, held, clock, log });
    this.identity.start();
    this.#timer = setInterval(() => {
      this.#note(held.current());
    }, 2);
    onTestFinished(() => this.#close());
  }

  /** Waits until this certificate is used. */
  async uses({ certificatePem }: Pick<Pair, 'certificatePem'>, ms = 5_000): Promise<void> {
    const wanted = fingerprintOf(new X509Certificate(certificatePem).raw);
    await eventually(`the new identity; ${JSON.stringify(this.lines)}`, ms, () =>
      this.fingerprints.at(-1) === wanted ? true : undefined,
    );
  }

  async says(code: string, ms = 5_000): Promise<LogLine> {
    return eventually(`${code} in ${JSON.stringify(this.lines)}`, ms, () =>
      this.lines.find(({ fields }) => fields['code'] === code),
    );
  }

  /** Of the leaves that were used, one after the other. */
  get fingerprints(): readonly string[] {
    return this.#used.map(({ certificate }) => fingerprintOf(certificate));
  }

  get warnings(): readonly unknown[] {
    return this.lines.filter(({ level }) => level !== 'info').map(({ fields }) => fields['code']);
  }

  /** Whether every identity that was used was a pair. */
  get allProven(): boolean {
    return this.#used.every(({ certificate, key }) =>
      new X509Certificate(certificate).checkPrivateKey((key as FileKey).privateKey),
    );
  }

  get chain(): readonly Buffer[] {
    return this.#used.at(-1)?.chain ?? [];
  }

  #note(used: SigningIdentity | undefined): void {
    if (used && used !== this.#used.at(-1)) this.#used.push(used);
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.identity.stop();
  }
}

export function fingerprintOf(der: Buffer): string {
  return createHash('sha256').update(der).digest('hex');
}
