import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { PROGRAM, run } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const command = promisify(execFile);

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

describe('an unsupported Node', () => {
  test.each(['12.22.12', '18.20.8', '20.18.3'])('%s gets one line', async (version) => {
    const fake = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
    const outcome = await command(process.execPath, [
      '--import',
      `data:text/javascript,${fake}`,
      PROGRAM,
      'version',
    ]).catch((error: unknown) => error as { code: number; stdout: string; stderr: string });
    expect(outcome).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `imds-anywhere: this is Node ${version}; install Node 20.19 or later\n`,
    });
  });

  test('can parse the file with the check: it contains nothing that Node 12 does not know', async () => {
    const code = await readFile(PROGRAM, 'utf8');
    const options = { minifyWhitespace: true, minifySyntax: true, supported: { 'node-colon-prefix-import': true } };
    const [old, current] = await Promise.all(
      ['node12.22', 'esnext'].map((target) => transform(code, { ...options, format: 'esm', target })),
    );
    expect(old?.code).toBe(current?.code);
    // Everything else is loaded after the version check.
    const [before = ''] = code.split('this is Node');
    expect(before).not.toMatch(/require\(|import/);
  });
});

describe('npm', () => {
  test('packs a working program, with its licences and its SBOM', { timeout: 120_000 }, async () => {
    const env = {
      ...process.env,
      npm_config_cache: path.join(workshop.directory, 'cache'),
      npm_config_offline: 'true',
    };
    // The build for all tests, because they run at the same time. .ci/run packs a clean clone.
    await command('npm', ['pack', '--ignore-scripts', '--pack-destination', workshop.directory], { cwd: ROOT, env });
    await command('tar', ['-xzf', path.join(workshop.directory, 'imds-anywhere-0.1.0.tgz')], {
      cwd: workshop.directory,
    });
    const installed = path.join(workshop.directory, 'package');
    const { stdout } = await command(path.join(installed, 'dist/main.js'), ['version']);
    expect(stdout).toBe((await run(['version'])).stdout);
    const files = await Promise.all(
      ['package.json', 'dist/licences.txt', 'dist/sbom.cdx.json'].map((file) =>
        readFile(path.join(installed, file), 'utf8'),
      ),
    );
    const manifest = JSON.parse(files[0] ?? '') as Record<string, unknown>;
    expect(manifest['dependencies']).toBeUndefined();
    expect(manifest).toMatchObject({
      repository: { url: 'git+https://github.com/imds-anywhere/imds-anywhere.git' },
      homepage: expect.stringContaining('imds-anywhere') as string,
      bugs: { url: expect.stringContaining('issues') as string },
    });
  });
});

describe('the bundle', () => {
  const packages = async (): Promise<readonly string[]> => {
    const bill = JSON.parse(await readFile(path.join(ROOT, 'dist/sbom.cdx.json'), 'utf8')) as {
      readonly components: readonly { readonly name: string; readonly version: string }[];
    };
    return bill.components.map(({ name, version }) => `${name} ${version}`);
  };

  test('is listed completely: each library of docs/dependencies.md, and nothing for development', async () => {
    const names = (await packages()).map((entry) => entry.split(' ')[0]);
    expect(names).toEqual(
      expect.arrayContaining(['fastify', 'pino', 'koffi', 'node-forge', 'yaml', 'valibot', 'commander']),
    );
    expect(names.filter((name) => /^(vitest|eslint|typescript|esbuild|prettier)$/.test(name ?? ''))).toEqual([]);
    expect(names.length).toBeGreaterThan(50);
  });

  test('has its licences in one file', async () => {
    const text = await readFile(path.join(ROOT, 'dist/licences.txt'), 'utf8');
    const titles = [...text.matchAll(/^-{80}\n\n(.*): (.*)$/gm)].map(([, title, licence]) => [title, licence]);
    expect(titles.map(([title]) => title)).toEqual(await packages());
    expect(titles.filter(([, licence]) => !licence)).toEqual([]);
  });
});

test('only known dependencies may run a script at installation', async () => {
  const [manifest, lock] = await Promise.all(
    ['package.json', 'package-lock.json'].map(
      async (file) => JSON.parse(await readFile(path.join(ROOT, file), 'utf8')) as Record<string, unknown>,
    ),
  );
  const locked = Object.entries(lock?.['packages'] as Record<string, { hasInstallScript?: boolean }>);
  const withScripts = locked.filter(([place, { hasInstallScript }]) => place !== '' && hasInstallScript);
  const refused = Object.fromEntries(withScripts.map(([place]) => [place.replace('node_modules/', ''), false]));
  expect(manifest?.['allowScripts']).toEqual(refused);
  expect(await readFile(path.join(ROOT, '.npmrc'), 'utf8')).toMatch(/^strict-allow-scripts=true$/m);
});
