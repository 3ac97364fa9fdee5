#!/usr/bin/env node
import { plainArguments } from './commands/plain-arguments.ts';
import type { Program } from './commands/program.ts';
import type { run as sessionFromDaemon } from './programs/session-from-daemon.ts';

// Load nothing above these statements but pure functions. Until they have run, SIGUSR1 makes Node open its
// inspector, through which every local user can read the private key. Imports run before all
// statements, so the program itself is loaded last.
process.on('SIGUSR1', () => undefined);

// Node 12 must be able to parse this file: no newer operators, no top-level await.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`imds-anywhere: this is Node ${process.versions.node}; install Node 20.19 or later\n`);
  process.exit(1);
}

const options = `${process.execArgv.join(' ')} ${String(process.env['NODE_OPTIONS'])}`;
// With --disable-sigusr1, as in the packages, Node never opens it, and loading the module takes time.
if (process.features.inspector && !/--inspect(?!-port|-publish)|--disable-sigusr1/.test(options)) {
  const { close } = process.getBuiltinModule('node:inspector');
  // An earlier signal may still be on its way through Node's threads. Node emits this undocumented
  // event for node:cluster when it opens the inspector. Closing it in the same turn means that no
  // client gets an answer.
  process.on('internalMessage', (message: { readonly cmd?: unknown }) => {
    if (message.cmd === 'NODE_DEBUG_ENABLED') close();
  });
  // Last, because Node can open it between any two statements.
  close();
}

/** What a file of src/programs exports. */
interface Bundle {
  readonly run: Program;
}

const { Script } = process.getBuiltinModule('node:vm');
const fs = process.getBuiltinModule('node:fs');

const bundles = new Map([
  ['serve', 'serve'],
  ['credential-process', 'credential-process'],
  ['emulate', 'emulate'],
  ['demo', 'emulate'],
  ['init', 'emulate'],
]);
void exitCode(process.argv.slice(2)).then((code) => process.exit(code));

async function exitCode(words: readonly string[]): Promise<number> {
  const asked = words[0] === 'credential-process' ? plainArguments(words.slice(1)) : undefined;
  if (asked && asked.config === undefined) {
    // So small that it starts faster without a code cache than any bundle with one.
    const load: (file: string) => unknown = require;
    const { run } = load('./session-from-daemon.js') as { readonly run: typeof sessionFromDaemon };
    return run(asked);
  }
  // The options before a command have no values.
  const command = words.find((word) => word[0] !== '-');
  return bundle(bundles.get(String(command)) || 'tools').run(process.argv);
}

/** Loads a file of src/programs, with the code cache if the package has one. */
function bundle(name: string): Bundle {
  const file = `${__dirname}/${name}.js`;
  const source = fs.readFileSync(file);
  const cachedData = codeCache(file.replace(/js$/, 'cache'), source);
  // Longer than a megabyte, it stays outside of V8's heap: nothing may be added to it.
  const text = source.toString('latin1');
  // Without the directory: the name is part of the cache, which was created in another one.
  const compiled = new Script(text, { filename: `${name}.js`, ...(cachedData && { cachedData }) });
  const module = { exports: {} };
  (compiled.runInThisContext() as (...args: readonly unknown[]) => void)(module, require, __dirname);
  return module.exports as Bundle;
}

/**
 * V8 runs any code in a cache: it does not detect damage, and of the source it checks only the
 * length. So the file starts with the SHA-256 of bundle and cache. Like the bundle, it must be safe
 * from other users.
 */
function codeCache(file: string, source: Buffer): Buffer | undefined {
  try {
    const descriptor = fs.openSync(file, 'r');
    const { uid, mode } = fs.fstatSync(descriptor);
    const content = fs.readFileSync(descriptor);
    fs.closeSync(descriptor);
    if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== fs.statSync(file.replace(/cache$/, 'js')).uid)) return undefined;
    const code = content.subarray(32);
    // Loading it takes longer than starting a small command.
    const { createHash } = process.getBuiltinModule('node:crypto');
    const digest = createHash('sha256').update(source).update(code).digest();
    return digest.equals(content.subarray(0, 32)) ? code : undefined;
  } catch {
    return undefined;
  }
}
