// Builds dist/: main.js, which loads one of the bundles of src/programs, and the threads. One file for a group of commands starts faster than
// many, and V8 can keep its compiled code (scripts/code-cache.mjs). CommonJS, since only that can be compiled from a cache.
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { billOfMaterials, bundledPackages, licencesText } from './bundled.mjs';

const out = new URL('../dist/', import.meta.url).pathname;
await rm(out, { recursive: true, force: true });
const options = {
  metafile: true,
  entryNames: '[name]',
  absWorkingDir: new URL('..', import.meta.url).pathname,
  outdir: out,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  // A script from a cache cannot import; require does the same here.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.dirname': '__dirname' },
  minifySyntax: true,
  minifyWhitespace: true,
  // One byte for each character, in the file and in memory.
  charset: 'ascii',
  // A stack trace prints the whole line.
  lineLimit: 160,
  sourcemap: false,
  // The notices are in one file: below.
  legalComments: 'none',
  logLevel: 'warning',
};
/** What libraries ask for in cases that do not occur here: a route with a schema, an injected request. */
const UNUSED = /^(@fastify\/ajv-compiler|@fastify\/fast-json-stringify-compiler|light-my-request|kerberos)$/;
/** The same, but they are loaded at once: for versions of plugins, logs by threads, addresses behind proxies. */
const UNASKED = /^(semver|thread-stream|@fastify\/proxy-addr)$/;
/** What pino finds out at each start, in 3 ms: who calls it, for threads that do not occur here, and which thread this is. */
const ASKED_BY_PINO = { './lib/caller': '() => []', './caller': '() => []', worker_threads: '{ isMainThread: true }' };
/** For logs of requests, which are off. The real one loads ten modules. */
const ASKED_BY_FASTIFY = { 'node:perf_hooks': '{ performance: { now: () => process.uptime() * 1000 } }' };
/** For exemplars, summaries and pushed metrics, none of which exist here. They would load 57 modules, and node:zlib. */
const ASKED_BY_PROM_CLIENT = { '@opentelemetry/api': '{}', tdigest: '{}', './lib/pushgateway': '{}' };
/** What the tools define for their help, and src/main.ts runs from another bundle. */
const ELSEWHERE = [
  ...['run-daemon', 'demo-story', 'init-material', 'init-trial'].map((name) => `./${name}.ts`),
  ...['account/new-account', 'server'].map((name) => `../emulator/${name}.ts`),
];
/** Modules of Node that listening or most commands can do without. */
const RARE = [
  'assert',
  'child_process',
  'dns',
  'fs/promises',
  'http2',
  'https',
  'perf_hooks',
  'tls',
  'worker_threads',
].map((name) => `node:${name}`);
/** What node:fs does as well, and is loaded already: node:fs/promises with its 11 modules is left to `open` and the rest. */
const CALLBACKS = { realpath: 'realpath.native' };
const SAME_NAMES = 'access chmod lstat mkdir readdir readFile readlink rename rm stat unlink';
for (const name of SAME_NAMES.split(' ')) CALLBACKS[name] = name;
const PROGRAMS = ['main', 'programs/session-from-daemon'];
/** What src/main.ts loads as scripts. */
const BUNDLES = ['programs/serve', 'programs/credential-process', 'programs/emulate'];
const script = { banner: { js: '(function (module, require, __dirname) {' }, footer: { js: '})' } };
/** A thread and a process of their own, which are looked for next to the bundle. */
const FURTHER = ['identity/identity-thread', 'keys/key-process'];
/** Loaded for PKCS#12 files, metrics and terminals only. In files of their own, they cost other starts nothing. */
const LIBRARIES = ['node-forge', 'prom-client', 'pino-pretty'];
const plugins = [
  answering('pino', ASKED_BY_PINO),
  answering('fastify', ASKED_BY_FASTIFY),
  answering('prom-client', ASKED_BY_PROM_CLIENT),
  without(UNUSED),
  without(UNASKED, true),
  inOwnFile(LIBRARIES),
  atFirstUse(RARE),
];
const built = await Promise.all([
  build({ ...options, entryPoints: [...sources(...PROGRAMS, ...FURTHER), ...LIBRARIES], plugins }),
  build({ ...options, ...script, entryPoints: sources(...BUNDLES), plugins }),
  build({
    ...options,
    ...script,
    entryPoints: sources('programs/tools'),
    plugins: [...plugins, without(oneOf(ELSEWHERE))],
  }),
]);
const [, , { metafile: ofTools }] = built;
for (const name of ELSEWHERE)
  if (!Object.keys(ofTools.inputs).some((input) => input.endsWith(`:${name}`)))
    throw new Error(`the tools import no ${name}: correct ELSEWHERE, or the module itself is in their bundle`);
await writeFile(`${out}/package.json`, '{ "type": "commonjs" }\n');
await chmod(`${out}/main.js`, 0o755);
const packages = bundledPackages(Object.assign({}, ...built.map(({ metafile }) => metafile.inputs)));
const description = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
await writeFile(`${out}/licences.txt`, licencesText(packages));
await writeFile(`${out}/sbom.cdx.json`, billOfMaterials(description, packages));

function sources(...names) {
  return names.map((name) => `src/${name}.ts`);
}

function oneOf(names) {
  return new RegExp(`^(${names.map((name) => name.replaceAll('.', '\\.')).join('|')})$`);
}

/**
 * Left as requires, Node would look for libraries in every directory above, and run what another user has put there.
 * @param loads - the error comes with the first use.
 */
function without(names, loads = false) {
  return {
    name: `without ${names}`,
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: names }, ({ path }) => ({ path, namespace: `without ${names}` }));
      onLoad({ filter: /.*/, namespace: `without ${names}` }, ({ path }) => {
        const fail = `throw new Error('${path} is not part of this bundle')`;
        return { contents: loads ? `module.exports = new Proxy({}, { get() { ${fail} } })` : fail, loader: 'js' };
      });
    },
  };
}

/** @param answers - for each module that the library requires, what it gets instead. */
function answering(library, answers) {
  const namespace = `answers for ${library}`;
  return {
    name: namespace,
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /./ }, ({ path, importer }) => {
        const isAsked = importer.includes(`/node_modules/${library}/`) && Object.hasOwn(answers, path);
        return isAsked ? { path, namespace } : undefined;
      });
      onLoad({ filter: /./, namespace }, ({ path }) => ({ contents: `module.exports = ${answers[path]};` }));
    },
  };
}

/** Built as an entry point, and required by the other bundles, all of which are in one directory. */
function inOwnFile(libraries) {
  return {
    name: 'in its own file',
    setup: ({ onResolve }) => {
      onResolve({ filter: /^[^.]/ }, ({ path, kind }) =>
        libraries.includes(path) && kind !== 'entry-point' ? { path: `./${path}.js`, external: true } : undefined,
      );
    },
  };
}

/** Loading one of these modules of Node takes up to 5 ms. */
function atFirstUse(modules) {
  return {
    name: 'at first use',
    setup: ({ onResolve, onLoad }) => {
      // Libraries leave out the prefix.
      onResolve({ filter: /^[a-z]/ }, ({ path, namespace }) => {
        const name = path.replace(/^(node:)?/, 'node:');
        const isLazy = modules.includes(name) && namespace !== 'at first use';
        return isLazy ? { path: name, namespace: 'at first use' } : undefined;
      });
      onLoad({ filter: /./, namespace: 'at first use' }, async ({ path }) => ({
        contents: substitute(path, await import(path)),
      }));
    },
  };
}

/** The same exports as getters, except that a module which is a function is taken to be `assert`. Some exports are global too. */
function substitute(path, { default: whole, ...parts }) {
  const getters = Object.entries(parts).map(([name, part]) => {
    let found = part === globalThis[name] ? `globalThis.${name}` : `require('${path}').${name}`;
    if (path === 'node:fs/promises' && Object.hasOwn(CALLBACKS, name))
      found = `this.made_${name} ??= require('node:util').promisify(require('node:fs').${CALLBACKS[name]})`;
    return `get ${name}() { return ${found}; }`;
  });
  const own = `{ ${getters.join(', ')} }`;
  if (typeof whole !== 'function') return `module.exports = ${own};`;
  const call = `(holds, ...why) => holds || require('${path}')(holds, ...why)`;
  return `module.exports = Object.defineProperties(${call}, Object.getOwnPropertyDescriptors(${own}));`;
}
