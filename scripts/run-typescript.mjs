// Bundles a TypeScript program of the tests into .cache/ and runs it: Node 20 reads no TypeScript.
import { build } from 'esbuild';

/** @param {string} program - path below the root of the checkout, such as `test/soak/soak.ts`. */
export async function runTypeScript(program) {
  const root = new URL('..', import.meta.url).pathname;
  // Two levels down, as the sources are: test/support looks for dist/ from where it stands.
  const outfile = `${root}.cache/programs/${program.replaceAll('/', '-').replace(/\.ts$/, '.mjs')}`;
  await build({
    entryPoints: [root + program],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    logLevel: 'warning',
  });
  await import(outfile);
}
