import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type Outcome, run } from '../support/program.ts';

/** What `init` wrote for a test. */
export interface SetupFolder {
  readonly directory: string;
  readonly outcome: Outcome;
  readonly read: (name: string) => Promise<string>;
}

export const REQUIRED = ['--region', 'eu-central-1', '--runs-on', 'ci'] as const;

/** Runs `init` in a new directory. */
export async function initialised(...args: readonly string[]): Promise<SetupFolder> {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-init-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const outcome = await run(['init', ...args], { cwd: directory });
  return { directory, outcome, read: (name) => readFile(path.join(directory, name), 'utf8') };
}

export const ARNS = [
  'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555',
  'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/66666666-7777-4888-9999-000000000000',
  'arn:aws:iam::123456789012:role/devices',
] as const;

export function sh(directory: string, script: string, env: Readonly<Record<string, string>> = {}): string {
  return execFileSync('sh', ['-ec', script], {
    cwd: directory,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: directory, ...env },
  });
}
