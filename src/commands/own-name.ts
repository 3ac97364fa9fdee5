import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../foundation/process-environment.ts';

const NAME = 'imds-anywhere';

/**
 * Makes hints pasteable: if PATH has no imds-anywhere, as in a checkout, they name Node and the
 * program's file.
 */
export function pasteable(text: string, { PATH = '' }: Environment): string {
  if (PATH.split(path.delimiter).some(hasProgram)) return text;
  return text.replaceAll(`\`${NAME} `, `\`node ${shortPath(process.argv[1] ?? '')} `);
}

function shortPath(main: string): string {
  try {
    const nearby = path.relative('', main);
    return nearby.startsWith('..') ? main : nearby;
  } catch {
    // The working directory was removed.
    return main;
  }
}

function hasProgram(directory: string): boolean {
  try {
    accessSync(path.join(directory, NAME), constants.X_OK);
    return directory !== '';
  } catch {
    return false;
  }
}
