// Bundles src/main.ts into dist/. One bundle with lazy chunks starts in half the time of the same modules loaded one by one,
// and what a command does not need (@peculiar/x509, node-forge, undici, pino-pretty) stays unread on disk until it does.
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { billOfMaterials, bundledPackages, licencesText } from './bundled.mjs';

const out = new URL('../dist/', import.meta.url).pathname;
await rm(out, { recursive: true, force: true });
const { metafile } = await build({
  metafile: true,
  // A thread is a program of its own; both lie side by side, as one looks for the other there.
  entryPoints: ['src/main.ts', 'src/identity/identity-thread.ts'],
  entryNames: '[name]',
  absWorkingDir: new URL('..', import.meta.url).pathname,
  outdir: out,
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: false,
  plugins: [
    { name: 'left out', setup: leaveOut },
    { name: 'http without its facade', setup: requireHttp },
  ],
  // The notices are in one file: below.
  legalComments: 'none',
  logLevel: 'warning',
  // CommonJS dependencies call require for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});
await chmod(`${out}/main.js`, 0o755);
const packages = bundledPackages(metafile.inputs);
const description = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
await writeFile(`${out}/licences.txt`, licencesText(packages));
await writeFile(`${out}/sbom.cdx.json`, billOfMaterials(description, packages));

/**
 * An import of node:http makes Node 22 read each of its exports, WebSocket among them, and so load undici: megabytes of no use here,
 * and without WebAssembly (--jitless) the end of the program. A require reads what is asked for.
 */
function requireHttp({ onResolve, onLoad }) {
  onResolve({ filter: /^node:http$/ }, ({ kind, path, namespace }) =>
    namespace === 'required' || kind === 'require-call' ? { path, external: true } : { path, namespace: 'required' },
  );
  onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({ contents: `module.exports = require('${path}');` }));
}

/**
 * What libraries ask for in cases that do not occur here: a route with a schema, an injected request.
 * Left as imports, Node would look for them at run time in every directory above, and run what another user has put there.
 */
function leaveOut({ onResolve, onLoad }) {
  const names = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request', 'kerberos'];
  onResolve({ filter: new RegExp(`^(${names.join('|')})$`) }, ({ path }) => ({ path, namespace: 'left-out' }));
  onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({
    contents: `throw new Error('${path} is not part of this program')`,
    loader: 'js',
  }));
}
