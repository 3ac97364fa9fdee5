import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { PROGRAM } from '../support/program.ts';
import type { RunningEmulator } from '../support/workshop.ts';
import type { Column } from './row.ts';

// The programs that are measured, each as a user starts it.

export const HELPER_VERSION = 'v1.8.4';
const root = path.resolve(import.meta.dirname, '../..');

export type ContenderName = Column | 'observed' | 'packaged';

/** Those whose start and memory are compared. */
export const DAEMONS: readonly ContenderName[] = ['helper', 'packaged', 'ours', 'other', 'node'];

/** A server that answers reads on a port. */
export interface Contender {
  readonly name: ContenderName;
  readonly command: (port: number) => readonly string[] | Promise<readonly string[]>;
  /** It has tokens, a listing and a document. The others have fixed answers. */
  readonly isMetadataService: boolean;
  /** More than PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Builds the AWS helper once. @returns its path; undefined without Go. */
export async function builtHelper(): Promise<string | undefined> {
  const directory = path.join(root, '.cache/helper', HELPER_VERSION);
  const file = path.join(directory, 'rolesanywhere-credential-helper');
  if (existsSync(file)) return file;
  if (spawnSync('go', ['version']).error) return undefined;
  const source = `github.com/aws/rolesanywhere-credential-helper@${HELPER_VERSION}`;
  const env = { ...process.env, GOBIN: directory, GOFLAGS: '' };
  await promisify(execFile)('go', ['install', '-ldflags', '-s -w', source], { env });
  return file;
}

/** The flags of both programs. The helper sends only the first certificate of its file, so the chain is passed separately. */
export function exchangeFlags({ config, url }: RunningEmulator): readonly string[] {
  const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(config)?.[1] ?? '';
  const certificate = value('certificate');
  return [
    ...['--certificate', certificate, '--intermediates', certificate],
    ...['--private-key', value('privateKey'), '--endpoint', url],
    ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
    ...['--role-arn', value('roleArn'), '--region', 'eu-central-1'],
  ];
}

export function helper(program: string, emulator: RunningEmulator): Contender {
  const flags = exchangeFlags(emulator);
  return {
    name: 'helper',
    isMetadataService: true,
    command: (port) => [program, 'serve', ...flags, '--port', String(port)],
  };
}

/** Like in a checkout or the npm package. */
export const BUILT: readonly string[] = [process.execPath, PROGRAM];

/** @param dist - of another checkout. */
export function otherBuild(dist: string): readonly string[] {
  return [process.execPath, path.resolve(dist, 'main.js')];
}

interface CodeCacheScript {
  readonly makeCodeCaches: (node: string, dist: string) => Promise<void>;
}

/**
 * As the packages run it: with V8's code cache. That with its own Node sets options; that without
 * does not, because V8 of Node 20 and 22 rejects a cache made with another heap size.
 *
 * @param directory - receives a copy of the program.
 */
export async function packagedProgram(directory: string): Promise<readonly string[]> {
  const dist = path.join(directory, 'packaged');
  await cp(path.dirname(PROGRAM), dist, { recursive: true });
  // Loading it is part of a start.
  for (const name of ['koffi', '@koromix'])
    await cp(path.join(root, 'node_modules', name), path.join(directory, 'node_modules', name), { recursive: true });
  const script = (await import(path.join(root, 'scripts/code-cache.mjs'))) as CodeCacheScript;
  await script.makeCodeCaches(process.execPath, dist);
  const bringsNode = Number(process.versions.node.split('.', 1)[0]) >= 24;
  const options = bringsNode ? ['--disable-sigusr1', '--max-semi-space-size=1'] : [];
  return [process.execPath, ...options, path.join(dist, 'main.js')];
}

/**
 * @param ofRole - YAML for the role.
 * @param ofFile - YAML for the whole file.
 */
export function ours(
  { config, directory }: RunningEmulator,
  { ofRole = '', ofFile = '', program = BUILT } = {},
): Contender {
  return {
    name: 'ours',
    isMetadataService: true,
    command: async (port) => {
      const role = `$1\n    imds: { listen: "127.0.0.1:${port}" }\n${ofRole}`;
      const file = path.join(directory, `serve-${port}.yaml`);
      await writeFile(file, config.replace(/^( {2}- roleArn: .*)$/m, role) + ofFile, { mode: 0o600 });
      return [...program, 'serve', file];
    },
  };
}

/** As the units of the packages start it. */
export function packaged(emulator: RunningEmulator, program: readonly string[]): Contender {
  const environment = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };
  return { ...ours(emulator, { program }), name: 'packaged', environment };
}

/** To compare with a build of another commit. */
export function other(emulator: RunningEmulator, program: readonly string[]): Contender {
  return { ...ours(emulator, { program }), name: 'other' };
}

/** With every check of requests enabled. */
export function observed(emulator: RunningEmulator): Contender {
  const { directory } = emulator;
  const ofRole = `    allow: { users: [${process.getuid?.() ?? 0}] }\n`;
  const ofFile = `admin: { listen: "127.0.0.1:0" }\naudit: { file: ${directory}/audit.jsonl }\n`;
  return { ...ours(emulator, { ofRole, ofFile }), name: 'observed' };
}

/** The minimum for Node, and nginx if it is installed. */
export function yardsticks(directory: string): readonly Contender[] {
  const file = path.join(root, 'test/bench/yardstick.mjs');
  const node = (name: Column, kind: string): Contender => ({
    name,
    isMetadataService: false,
    command: (port) => [process.execPath, file, kind, String(port)],
  });
  const hasNginx = !spawnSync('nginx', ['-v']).error;
  return [node('node', 'http'), node('fastify', 'fastify'), ...(hasNginx ? [nginx(directory)] : [])];
}

function nginx(directory: string): Contender {
  return {
    name: 'nginx',
    isMetadataService: false,
    command: async (port) => {
      const file = path.join(directory, `nginx-${port}.conf`);
      await writeFile(
        file,
        `daemon off; master_process off; pid ${directory}/nginx.pid; error_log /dev/null;
        events {}
        http {
          access_log off; keepalive_requests 1000000000; client_body_temp_path ${directory}/nginx;
          server { listen 127.0.0.1:${port}; location / { default_type text/plain; return 200 '${'x'.repeat(1100)}'; } }
        }`,
      );
      return ['nginx', '-c', file];
    },
  };
}
