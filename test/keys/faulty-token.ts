import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll } from 'vitest';
import { SoftTokens } from './soft-token.ts';

/** Tokens of SoftHSM behind a module that does to a call what a test wants: test/keys/fault-module.c. */
export class FaultyTokens extends SoftTokens {
  readonly faultyModule: string;

  constructor() {
    super();
    this.faultyModule = path.join(this.directory, 'fault.so');
    const source = path.join(import.meta.dirname, 'fault-module.c');
    beforeAll(() => {
      execFileSync('gcc', ['-shared', '-fPIC', '-Wall', '-Werror', '-o', this.faultyModule, source, '-ldl']);
    });
    this.environment['PKCS11_FAULT_DIRECTORY'] = this.directory;
    this.environment['PKCS11_FAULT_MODULE'] = this.module;
  }

  /** Such as `C_Sign hang`; nothing is faulty any more without one. */
  fault(...lines: readonly string[]): void {
    writeFileSync(path.join(this.directory, 'fault'), lines.map((line) => `${line}\n`).join(''));
    rmSync(this.#calls, { force: true });
  }

  /** Since the last {@link fault}, in order. */
  get calls(): readonly { readonly name: string; readonly pid: number }[] {
    if (!existsSync(this.#calls)) return [];
    const lines = readFileSync(this.#calls, 'utf8').trim().split('\n');
    return lines.map((line) => {
      const [name = '', pid] = line.split(' ');
      return { name, pid: Number(pid) };
    });
  }

  count(name: string): number {
    return this.calls.filter((call) => call.name === name).length;
  }

  get #calls(): string {
    return path.join(this.directory, 'calls');
  }
}
