import { readFile } from 'node:fs/promises';

/** A script of docs/renewal.md, with the places of a test instead of its own. */
export async function recipe(title: string, places: Readonly<Record<string, string>>): Promise<string> {
  const page = await readFile('docs/renewal.md', 'utf8');
  const [, text] = new RegExp(`\`\`\`sh\\n(#!/bin/sh\\n# renew-certificate: ${title}[^]*?)\`\`\``).exec(page) ?? [];
  if (text === undefined) throw new Error(`docs/renewal.md has no script for ${title}`);
  return Object.entries(places).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`the script for ${title} has no ${from}`);
    return changed.replaceAll(from, to);
  }, text);
}
