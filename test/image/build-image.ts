import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { hasTool } from '../support/tools.ts';
import { Engine } from './engine.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The path of the store with the image; empty without the tools to build it. */
    readonly engineDirectory: string;
  }
}

export const IMAGE = 'localhost/imds-anywhere';

const root = path.resolve(import.meta.dirname, '../..');

/** Builds docker/Dockerfile once for all test files, on bases made of this machine's files. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const able = process.getuid?.() === 0 && hasTool('buildah', '--version') && hasTool('podman', '--version');
  project.provide('engineDirectory', '');
  if (!able) return undefined;
  const engine = await Engine.open();
  try {
    await makeBases(engine);
    await buildImage(engine);
  } catch (error) {
    await engine.close();
    throw error;
  }
  project.provide('engineDirectory', engine.directory);
  return () => engine.close();
}

async function makeBases(engine: Engine): Promise<void> {
  const bases = path.join(engine.directory, 'bases');
  await engine.run(path.join(import.meta.dirname, 'make-bases.sh'), [nodeForImage(), bases]);
  const file = path.join(engine.directory, 'Dockerfile');
  writeFileSync(file, 'FROM scratch\nCOPY . /\nENV PATH=/usr/bin:/bin\n');
  for (const base of ['build', 'runtime'])
    await engine.buildah('bud', '--quiet', '--file', file, '--tag', `localhost/base-${base}`, path.join(bases, base));
}

/** The Node version of the image, if .ci/run has installed it. */
function nodeForImage(): string {
  const node = path.join(root, '.cache/node-24/node_modules/node/bin/node');
  return existsSync(node) ? node : process.execPath;
}

async function buildImage(engine: Engine): Promise<void> {
  const npm = ['.npmrc', '.npm']
    .filter((name) => existsSync(path.join(homedir(), name)))
    .flatMap((name) => ['--volume', `${path.join(homedir(), name)}:/root/${name}`]);
  await engine.buildah(
    'bud',
    ...['--quiet', '--format', 'docker', '--pull-never', '--file', path.join(root, 'docker/Dockerfile')],
    ...['--build-arg', 'BUILD_BASE=localhost/base-build', '--build-arg', 'RUNTIME_BASE=localhost/base-runtime'],
    ...npm,
    ...['--tag', IMAGE, root],
  );
}
