// `node scripts/run-typescript.mjs test/soak/soak.ts [ARGUMENT...]`: bundles a TypeScript program into .cache/ and runs it,
// because Node 20 cannot run TypeScript.
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const [program] = process.argv.splice(2, 1);
if (program === undefined) throw new Error('usage: node scripts/run-typescript.mjs PROGRAM [ARGUMENT...]');
// Two levels below the root, like the sources: test/support finds dist/ relative to its own path.
const outfile = path.join(root, '.cache/programs', program.replaceAll('/', '-').replace(/\.ts$/, '.mjs'));
await build({
  entryPoints: [path.join(root, program)],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  logLevel: 'warning',
});
await import(outfile);
