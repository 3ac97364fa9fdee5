// `npm run mutation [-- FILE...]`: makes small changes to the program, one at a time, and lists those that no unit test
// notices. Without a file, in all rooms that decide who gets what. docs/mutation.md has the results.
// Installs Stryker into .cache/, because its 177 packages would slow down every `npm ci`, and it needs a newer Node than the
// program.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const STRYKER = '10.1.1';
const NODE = '22';
const ROOMS = ['access', 'container', 'endpoints', 'files', 'identity', 'imds', 'rolesanywhere', 'sessions', 'state'];

/** The parts of Stryker's report that are used here. */
interface Report {
  readonly files: Readonly<Record<string, { readonly mutants: readonly { readonly status: string }[] }>>;
}

process.chdir(path.resolve(import.meta.dirname, '../..'));
const files = process.argv.slice(2);
const rooms = files.length > 0 ? [...new Set(files.map((file) => file.split('/')[1] ?? ''))] : ROOMS;
const out = '.cache/mutation';
mkdirSync(out, { recursive: true });

const node = Number(process.versions.node.split('.')[0]) >= Number(NODE) ? process.execPath : nodeOf(NODE);
const stryker = '.cache/stryker/node_modules/@stryker-mutator';
if (!isInstalled()) {
  const packages = ['core', 'vitest-runner'].map((name) => `@stryker-mutator/${name}@${STRYKER}`);
  // Without peers, to use the project's own vitest.
  install('.cache/stryker', ...packages, '--legacy-peer-deps', '--ignore-scripts');
}

writeFileSync(`${out}/stryker.json`, JSON.stringify(settings(), null, 2));
const { status } = spawnSync(node, [`${stryker}/core/bin/stryker.js`, 'run', `${out}/stryker.json`], {
  stdio: 'inherit',
  env: { MUTATION_TESTS: rooms.map((room) => `test/${room}/**/*.test.ts`).join(' '), ...process.env },
});
if (status === 0) printTable(JSON.parse(readFileSync(`${out}/report.json`, 'utf8')) as Report);
process.exitCode = status ?? 1;

function settings(): object {
  return {
    testRunner: 'vitest',
    plugins: [
      `${process.cwd()}/${stryker}/vitest-runner/dist/src/index.js`,
      `${process.cwd()}/test/mutation/messages.ts`,
    ],
    ignorers: ['messages'],
    vitest: { configFile: 'test/mutation/vitest.config.ts' },
    mutate: files.length > 0 ? files : rooms.map((room) => `src/${room}/**/*.ts`),
    ignorePatterns: ['/*', '!/src', '!/test', '!/package.json', '!/tsconfig.json', '!/vitest.config.ts', '!/docs'],
    // A module reads its constants once, so only a new process shows the effect of a change.
    ignoreStatic: false,
    coverageAnalysis: 'perTest',
    concurrency: Number(process.env['MUTATION_WORKERS'] ?? 1),
    timeoutMS: 10_000,
    // Other work on the machine must not count as an endless loop.
    timeoutFactor: 4,
    // A file can take half an hour.
    reporters: ['clear-text', 'json', process.stdout.isTTY ? 'progress' : 'progress-append-only'],
    clearTextReporter: { reportTests: false, reportScoreTable: false, allowColor: false, logTests: false },
    jsonReporter: { fileName: `${out}/report.json` },
    tempDirName: `${out}/sandbox`,
    checkers: [],
    allowEmpty: false,
  };
}

function isInstalled(): boolean {
  const manifest = `${stryker}/core/package.json`;
  return (
    existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version === STRYKER
  );
}

/** Shared with .ci/run, which tests on other Node versions. */
function nodeOf(line: string): string {
  const program = `.cache/node-${line}/node_modules/node/bin/node`;
  if (!existsSync(program)) install(`.cache/node-${line}`, `node@${line}`);
  print(`Stryker ${STRYKER} needs Node ${line} or newer; this is ${process.version}, so it runs with ${program}`);
  return program;
}

function install(directory: string, ...args: readonly string[]): void {
  const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--silent'];
  mkdirSync(directory, { recursive: true });
  execFileSync('npm', ['install', ...quiet, '--prefix', directory, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** For docs/mutation.md. */
function printTable(report: Report): void {
  print('| File | Changes | Noticed | Score |\n| --- | --- | --- | --- |');
  let [all, seen] = [0, 0];
  for (const [name, { mutants }] of Object.entries(report.files)) {
    const counted = mutants.filter(({ status }) => !['Ignored', 'CompileError', 'RuntimeError'].includes(status));
    const noticed = counted.filter(({ status }) => status === 'Killed' || status === 'Timeout').length;
    [all, seen] = [all + counted.length, seen + noticed];
    if (counted.length > 0) print(row(`\`${name.replace('src/', '')}\``, counted.length, noticed));
  }
  print(row('all', all, seen));
}

function row(name: string, all: number, seen: number): string {
  return `| ${name} | ${all} | ${seen} | ${((100 * seen) / all).toFixed(1)} % |`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
