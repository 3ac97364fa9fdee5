// The content of the bundle: its licences and software bill of materials (SBOM), from esbuild's
// list of inputs.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** A package with another licence needs a decision first. */
const ACCEPTED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']);

/**
 * @param inputs - of esbuild's metafile.
 * @returns the packages in the bundle, and koffi, which is next to it.
 */
export function bundledPackages(inputs) {
  const inside = Object.keys(inputs).flatMap(
    (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [],
  );
  const scope = path.join(root, 'node_modules/@koromix');
  const native = existsSync(scope) ? readdirSync(scope).map((name) => `node_modules/@koromix/${name}`) : [];
  const directories = [...new Set([...inside, 'node_modules/koffi', ...native])].filter((directory) =>
    existsSync(path.join(root, directory, 'package.json')),
  );
  return directories
    .map(described)
    .sort((left, right) =>
      left.name < right.name ? -1 : left.name > right.name ? 1 : left.version < right.version ? -1 : 1,
    );
}

function described(directory) {
  const { name, version, license, author } = JSON.parse(
    readFileSync(path.join(root, directory, 'package.json'), 'utf8'),
  );
  if (!isAccepted(license))
    throw new Error(`${name} has the licence ${license}, which scripts/bundled.mjs does not accept`);
  const files = readdirSync(path.join(root, directory))
    .filter((file) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(file))
    .sort();
  const texts = files.map((file) => readFileSync(path.join(root, directory, file), 'utf8').trim());
  return { name, version, license, author: typeof author === 'object' ? author.name : author, texts };
}

/** With a choice (SPDX `A OR B`), one is enough. */
function isAccepted(license) {
  return `${license}`
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((one) => ACCEPTED.has(one));
}

/**
 * One file with the licence of every package. A package without a licence text is listed with its
 * own statement.
 */
export function licencesText(packages) {
  const parts = packages.map(({ name, version, license, author, texts }) =>
    [
      `${name} ${version}: ${license}`,
      ...(texts.length > 0 ? texts : [`The package has no licence file. Its author is ${author ?? 'not named'}.`]),
    ].join('\n\n'),
  );
  const line = `\n\n${'-'.repeat(80)}\n\n`;
  return `imds-anywhere contains these packages, or has them next to it.${line}${parts.join(line)}\n`;
}

/** CycloneDX 1.5. The same packages give the same bytes. */
export function billOfMaterials({ name, version, license }, packages) {
  const component = (one) => ({
    type: 'library',
    name: one.name,
    version: one.version,
    purl: `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`,
    licenses: [{ expression: one.license }],
  });
  const program = { ...component({ name, version, license }), type: 'application' };
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: program },
    components: packages.map(component),
  };
  return `${JSON.stringify(bill, undefined, 2)}\n`;
}
