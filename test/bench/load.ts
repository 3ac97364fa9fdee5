import { execFile, spawnSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { onCore } from './cores.ts';

const here = (name: string): string => path.resolve(import.meta.dirname, '../../test/bench', name);

export interface Load {
  /** `flow`: token, listing and document on a new connection, like an SDK at its start. */
  readonly kind: 'read' | 'token' | 'flow';
  readonly connections: number;
  readonly seconds: number;
}

/** The path to read, and the token. */
export interface Target {
  readonly url: string;
  readonly path: string;
  readonly token: string;
}

export interface LoadResult {
  readonly requests: number;
  readonly p99Us: number;
}

export const hasWrk = !spawnSync('wrk', ['--version']).error;

/** @throws if an answer is not 200. */
export async function runLoad(
  target: Target,
  load: Load,
  core: number | undefined,
  withWrk = hasWrk,
): Promise<LoadResult> {
  const [program = '', ...args] = onCore(core, withWrk ? wrk(target, load) : ownLoad(target, load));
  const { stdout } = await promisify(execFile)(program, args);
  const last = stdout.trim().split('\n').at(-1) ?? '';
  const { failures, ...result } = JSON.parse(last) as LoadResult & { readonly failures: number };
  if (failures > 0 || result.requests === 0) throw new Error(`${failures} failures at ${target.url}:\n${stdout}`);
  return result;
}

function wrk({ url, path: file, token }: Target, { kind, connections, seconds }: Load): readonly string[] {
  const threads = kind === 'flow' ? connections : 1;
  const how = [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, '-s', here('load.lua')];
  return ['wrk', ...how, url + file, '--', kind, file, token];
}

function ownLoad({ url, path: file, token }: Target, { kind, connections, seconds }: Load): readonly string[] {
  return [process.execPath, here('own-load.mjs'), url, String(connections), String(seconds), kind, file, token];
}
