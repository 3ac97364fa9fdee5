// The parts of a package for one processor: Node and koffi. npm fetches them once into .cache/. They are used only if
// they have the digest that is written here or in package-lock.json.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const downloads = path.join(root, '.cache/runtime');

export const NODE_VERSION = '24.21.0';
/** npm view node-linux-ARCHITECTURE@VERSION dist.integrity */
export const NODE_INTEGRITY = {
  x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  arm64: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
};

const TRIPLETS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/** Puts Node, without its symbols, and its licence into a directory. */
export async function putNode(architecture, directory) {
  const unpacked = await fetched(`node-linux-${architecture}`, NODE_VERSION, NODE_INTEGRITY[architecture]);
  const strip = architecture === process.arch ? 'strip' : `${TRIPLETS[architecture]}-strip`;
  execFileSync(strip, ['--output-file', path.join(directory, 'node'), path.join(unpacked, 'bin/node')]);
  await copyFile(path.join(unpacked, 'LICENSE'), path.join(directory, 'node-licence.txt'));
}

/** The directory with koffi's native part for a processor. */
export async function nativeKoffi(architecture) {
  const name = `@koromix/koffi-linux-${architecture}`;
  const installed = path.join(root, 'node_modules', name);
  if (existsSync(installed)) return installed;
  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8'));
  const { version, integrity } = lock.packages[`node_modules/${name}`];
  return fetched(name, version, integrity);
}

/** @returns the unpacked package. */
async function fetched(name, version, integrity) {
  const target = path.join(downloads, `${name.replace('/', '-')}-${version}`);
  if (existsSync(target)) return path.join(target, 'package');
  const work = `${target}.${process.pid}`;
  await mkdir(work, { recursive: true });
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', work, `${name}@${version}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const tarball = path.join(work, path.basename(filename));
  const digest = createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64');
  if (`sha512-${digest}` !== integrity)
    throw new Error(`${name} ${version} has the digest sha512-${digest}, not ${integrity}`);
  execFileSync('tar', ['--extract', '--gzip', '--no-same-owner', '--file', tarball, '--directory', work]);
  await rename(work, target);
  return path.join(target, 'package');
}
