import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Issued } from '../support/pki.ts';
import { hasTool } from '../support/tools.ts';

const MODULES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so'];

/** SoftHSM 2, a token in files. */
const SOFTHSM = MODULES.find((file) => existsSync(file));

export const hasTokens = (): boolean => hasTool('softhsm2-util', '--version') && hasTool('opensc-tool', '--info');

export const PIN = '1234';

/** Tokens in a directory of their own, which is there while the tests of the suite run: vitest collects a suite that is left out, too. */
export class SoftTokens {
  readonly directory = path.join(tmpdir(), `tokens-${randomBytes(8).toString('hex')}`);
  readonly module = SOFTHSM ?? 'libsofthsm2.so';
  readonly environment: Record<string, string>;

  constructor() {
    const config = path.join(this.directory, 'softhsm2.conf');
    this.environment = { PATH: process.env['PATH'] ?? '', SOFTHSM2_CONF: config };
    beforeAll(() => {
      mkdirSync(this.directory, { mode: 0o700 });
      mkdirSync(path.join(this.directory, 'tokens'));
      writeFileSync(config, `directories.tokendir = ${this.directory}/tokens\nobjectstore.backend = file\n`);
    });
    afterAll(() => {
      rmSync(this.directory, { recursive: true });
    });
  }

  addToken(label: string): void {
    this.#run('softhsm2-util', ['--init-token', '--free', '--label', label, '--so-pin', '12345678', '--pin', PIN]);
  }

  /** Writes a key, and certificates next to it. */
  addKey(token: string, { keyPem }: Pick<Issued, 'keyPem'>, { label, id, more = [] }: KeyNames): void {
    const file = this.#file('key.pem', keyPem);
    const names = ['--label', label, '--id', id, ...more];
    this.tool(token, ['--write-object', file, '--type', 'privkey', '--usage-sign', ...names]);
    rmSync(file);
  }

  addPublicKey(token: string, publicKey: Buffer, { label, id }: KeyNames): void {
    const file = this.#file('public.der', publicKey);
    this.tool(token, ['--write-object', file, '--type', 'pubkey', '--label', label, '--id', id]);
  }

  addCertificate(token: string, { certificateDer }: Pick<Issued, 'certificateDer'>, { label, id }: KeyNames): void {
    const file = this.#file('certificate.der', certificateDer);
    this.tool(token, ['--write-object', file, '--type', 'cert', '--label', label, '--id', id]);
  }

  /** `pkcs11-tool`, logged in. */
  tool(token: string, more: readonly string[]): string {
    return this.#run('pkcs11-tool', [
      '--module',
      this.module,
      '--token-label',
      token,
      '--login',
      '--pin',
      PIN,
      ...more,
    ]);
  }

  #file(name: string, content: string | Buffer): string {
    const file = path.join(this.directory, name);
    writeFileSync(file, content);
    return file;
  }

  #run(command: string, more: readonly string[]): string {
    return execFileSync(command, more, { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  }
}

interface KeyNames {
  readonly label: string;
  readonly id: string;
  readonly more?: readonly string[];
}
