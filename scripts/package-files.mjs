// The files of a package, as installed on the host: with their own Node, or for the Node of the host.
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeCodeCaches } from './code-cache.mjs';
import { nativeKoffi, NODE_INTEGRITY, NODE_VERSION, putNode } from './runtime.mjs';

export const root = path.resolve(import.meta.dirname, '..');
export const LIBRARY = 'usr/lib/imds-anywhere';
export const DOC = 'usr/share/doc/imds-anywhere';
const UNITS = 'usr/lib/systemd/system';
const { version, description } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
export { version };

/** The description of a package: one line and one paragraph. */
export const [summary, rest = ''] = description.split(': ');
export const paragraph = `${rest.charAt(0).toUpperCase()}${rest.slice(1)}.`;

export async function put(stage, file, content) {
  await mkdir(path.dirname(path.join(stage, file)), { recursive: true });
  await writeFile(path.join(stage, file), content);
}

/** The directory of the program: main.js and its bundles, koffi, and with `brings` also Node, a launcher and V8's code caches. */
export async function putProgram(directory, architecture, brings) {
  const dist = path.join(directory, 'dist');
  await cp(path.join(root, 'dist'), dist, { recursive: true });
  await putKoffi(directory, architecture);
  await correctKoffi(dist, architecture);
  if (!brings) {
    // The Node that the package depends on, even if PATH has another one first.
    const main = path.join(dist, 'main.js');
    await writeFile(main, (await readFile(main, 'utf8')).replace('#!/usr/bin/env node', '#!/usr/bin/node'));
    // packaging/postinst runs them: which Node it will be is only known there.
    for (const name of ['code-cache.mjs', 'keep-code.mjs'])
      await cp(path.join(import.meta.dirname, name), path.join(directory, name));
    return;
  }
  await putNode(architecture, directory);
  await chmod(path.join(directory, 'node'), 0o755);
  await addNode(dist, architecture);
  await cp(path.join(root, 'packaging/launcher'), path.join(directory, 'imds-anywhere'));
  // A code cache can only be made on the same processor. Without one, the program starts more slowly.
  if (architecture === process.arch) await makeCodeCaches(path.join(directory, 'node'), dist);
}

async function putKoffi(directory, architecture) {
  const native = `@koromix/koffi-linux-${architecture}`;
  const sources = { koffi: path.join(root, 'node_modules/koffi'), [native]: await nativeKoffi(architecture) };
  for (const [name, source] of Object.entries(sources))
    await cp(source, path.join(directory, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter: (file) => isNeeded(source, file),
    });
}

/** koffi's JavaScript and its native part for this system with glibc, without its sources. */
async function isNeeded(source, file) {
  const inside = file.slice(source.length);
  if (/\/(vendor|doc|lib|musl_\w+|cnoke.cjs|trampolines.cjs)(\/|$)/.test(inside)) return false;
  return (await stat(file)).isDirectory() || /\.(js|cjs|node)$|\/package\.json$/.test(file);
}

/** The build lists the native part that is installed here. */
async function correctKoffi(dist, architecture) {
  for (const name of ['licences.txt', 'sbom.cdx.json']) {
    const file = path.join(dist, name);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(`koffi-linux-${process.arch}`, `koffi-linux-${architecture}`));
  }
}

async function addNode(dist, architecture) {
  const file = path.join(dist, 'sbom.cdx.json');
  const bill = JSON.parse(await readFile(file, 'utf8'));
  const content = Buffer.from(NODE_INTEGRITY[architecture].replace('sha512-', ''), 'base64').toString('hex');
  bill.components.push({
    type: 'platform',
    name: 'node',
    version: NODE_VERSION,
    cpe: `cpe:2.3:a:nodejs:node.js:${NODE_VERSION}:*:*:*:*:*:*:*`,
    purl: `pkg:npm/node-linux-${architecture}@${NODE_VERSION}`,
    hashes: [{ alg: 'SHA-512', content }],
    licenses: [{ license: { name: 'see node-licence.txt' } }],
  });
  await writeFile(file, `${JSON.stringify(bill, undefined, 2)}\n`);
}

/** All files of a system package except those of its format. */
export async function putSystemFiles(stage, brings) {
  await mkdir(path.join(stage, 'usr/bin'), { recursive: true });
  const program = brings ? 'imds-anywhere' : 'dist/main.js';
  await symlink(`../lib/imds-anywhere/${program}`, path.join(stage, 'usr/bin/imds-anywhere'));
  await cp(path.join(root, 'systemd'), path.join(stage, UNITS), {
    recursive: true,
    filter: (file) => !file.includes('drop-ins'),
  });
  await mkdir(path.join(stage, 'etc/imds-anywhere'), { recursive: true });
  await putExamples(stage, DOC, brings);
  await put(stage, 'usr/share/man/man1/imds-anywhere.1.gz', gzipSync(await manualPage(), { level: 9 }));
  await put(stage, `${DOC}/copyright`, await copyright(path.join(stage, LIBRARY), brings));
  for (const [shell, file] of Object.entries(COMPLETIONS)) await put(stage, file, completion(shell));
}

const COMPLETIONS = {
  bash: 'usr/share/bash-completion/completions/imds-anywhere',
  zsh: 'usr/share/zsh/vendor-completions/_imds-anywhere',
  fish: 'usr/share/fish/vendor_completions.d/imds-anywhere.fish',
};

/** A configuration, and the drop-ins for the units. */
export async function putExamples(stage, directory, brings) {
  await put(stage, `${directory}/examples/config.yaml`, await exampleForUnit());
  for (const name of await readdir(path.join(root, 'systemd/drop-ins'))) {
    // The launcher has that option.
    if (brings && name === 'no-inspector.conf') continue;
    const dropIn = await readFile(path.join(root, 'systemd/drop-ins', name), 'utf8');
    const node = `/${LIBRARY}/node`;
    const program = `/${LIBRARY}/dist/main.js`;
    await put(
      stage,
      `${directory}/examples/drop-ins/${name}`,
      brings
        ? dropIn.replaceAll('/usr/bin/node', node).replaceAll(/(node .*)\/usr\/bin\/imds-anywhere/g, `$1${program}`)
        : dropIn,
    );
  }
}

export function manualPage() {
  return readFile(path.join(root, 'packaging/imds-anywhere.1'));
}

export function completion(shell) {
  return execFileSync(process.execPath, [path.join(root, 'dist/main.js'), 'completion', shell]);
}

/**
 * The key belongs to root, and the service reads the copy from the unit's LoadCredential=. The example uses the unit's
 * StateDirectory=, and an admin socket for `imds-anywhere status --config`.
 */
async function exampleForUnit() {
  const example = await readFile(path.join(root, 'config.example.yaml'), 'utf8');
  return example
    .replace('privateKey: /etc/imds-anywhere/', 'privateKey: /run/credentials/imds-anywhere.service/')
    .replace('# stateDirectory: ', 'stateDirectory: ')
    .replace(/^# (admin:)\n#.*\n# ( {2}socket: .*)$/m, '$1\n$2');
}

async function copyright(library, brings) {
  const node = brings ? await readFile(path.join(library, 'node-licence.txt'), 'utf8') : undefined;
  return [
    'imds-anywhere is licensed under the Apache License 2.0: /usr/share/common-licenses/Apache-2.0.',
    await readFile(path.join(root, 'dist/licences.txt'), 'utf8'),
    ...(node ? [`The package brings Node ${NODE_VERSION}:`, node] : []),
  ].join('\n\n');
}

/** Independent of the umask of the build. */
export async function evenModes(directory) {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) await evenModes(file);
    else if (!entry.isSymbolicLink()) await chmod(file, isProgram(file) ? 0o755 : 0o644);
  }
}

function isProgram(file) {
  return /\/(dist\/main\.js|imds-anywhere\/(node|imds-anywhere)|DEBIAN\/(postinst|prerm|postrm))$/.test(file);
}

/** Seconds since the epoch. */
export function lastChange() {
  return Number(process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct'));
}

export function maintainer() {
  return process.env.DEBEMAIL ?? git('log', '-1', '--format=%an <%ae>');
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}
