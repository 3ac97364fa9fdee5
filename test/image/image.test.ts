import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeWith } from '../support/tools.ts';
import { IMAGE } from './build-image.ts';
import { engineDirectory, HARDENED } from './containers.ts';
import { Engine } from './engine.ts';

describeWith('buildah, podman and root', engineDirectory !== '', 'the image', () => {
  const engine = new Engine(engineDirectory);

  test('runs as a numeric user that is not root, without a shell in its command', async () => {
    const [image] = JSON.parse(await engine.podman('image', 'inspect', IMAGE)) as [{ Config: Record<string, unknown> }];
    expect(image.Config).toMatchObject({
      User: '65532:65532',
      StopSignal: 'SIGTERM',
      Entrypoint: ['/nodejs/bin/node', '--max-semi-space-size=1', '--disable-sigusr1', '/app/main.js'],
      Cmd: ['serve', '/etc/imds-anywhere/config.yaml'],
      Labels: { 'org.opencontainers.image.licenses': 'Apache-2.0' },
    });
  });

  test('has no shell and no package manager', async () => {
    const files = await filesOf(engine);
    expect(files).toContain('app/main.js');
    expect(files.filter((file) => /(?:^|\/)(?:sh|bash|dash|busybox|npm|npx|apt|curl|wget)$/.test(file))).toEqual([]);
  });

  test('its build context contains only sources, without tests', async () => {
    expect(
      (await filesOf(engine)).filter((file) =>
        /^app\/(?!node_modules\/koffi\/).*(?:[.]ts|test|esbuild|typescript)/.test(file),
      ),
    ).toEqual([]);
  });

  test('lists every bundled package', async () => {
    const sbom = JSON.parse(await printed(engine, '/app/sbom.cdx.json')) as {
      bomFormat: string;
      components: { name: string; version: string }[];
    };
    const listed = sbom.components.map(({ name, version }) => `${name}@${version}`);
    expect(sbom.bomFormat).toBe('CycloneDX');
    const ours = JSON.parse(await readFile(path.resolve('dist/sbom.cdx.json'), 'utf8')) as typeof sbom;
    expect(listed).toEqual(ours.components.map(({ name, version }) => `${name}@${version}`));
    expect(listed.filter((entry) => /^(?:vitest|eslint|typescript)@/.test(entry))).toEqual([]);
  });

  test('prints its version on a read-only file system, without capabilities', async () => {
    const { version } = JSON.parse(await readFile(path.resolve('package.json'), 'utf8')) as { version: string };
    expect(await engine.podman('run', '--rm', '--network', 'none', ...HARDENED, IMAGE, 'version')).toBe(version);
  });

  test('has code caches that its Node accepts', async () => {
    expect(await filesOf(engine)).toEqual(
      expect.arrayContaining(['app/serve.cache', 'app/credential-process.cache', 'app/tools.cache']),
    );
    const watch = `const vm = require('node:vm');
      vm.Script = class extends vm.Script {
        constructor(source, options) {
          super(source, options);
          console.log(options.filename, options.cachedData !== undefined && this.cachedDataRejected === false);
        }
      };
      process.argv = [process.execPath, '/app/main.js', 'version'];
      require('/app/main.js');`;
    const command = ['--entrypoint', '/nodejs/bin/node', IMAGE, '--eval', watch];
    expect(await engine.podman('run', '--rm', '--network', 'none', ...HARDENED, ...command)).toMatch(
      /^tools\.js true$/m,
    );
  });
});

/** Every file, from the layers: the image has no program to list them. */
async function filesOf(engine: Engine): Promise<string[]> {
  const container = await engine.buildah('from', '--pull-never', IMAGE);
  const mounted = await engine.buildah('mount', container);
  const files = await engine.run('find', [mounted, '-not', '-type', 'd', '-printf', '%P\\n']);
  await engine.buildah('rm', container);
  return files.split('\n');
}

async function printed(engine: Engine, file: string): Promise<string> {
  const script = `process.stdout.write(require('fs').readFileSync('${file}'))`;
  return engine.podman('run', '--rm', '--network', 'none', '--entrypoint', '/nodejs/bin/node', IMAGE, '-e', script);
}
