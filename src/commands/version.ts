import { Command } from 'commander';
import { version } from '../foundation/version.ts';
import { writeReport } from './answer.ts';

export const userAgent = `imds-anywhere/${version}`;

export function versionCommand(): Command {
  return new Command('version').description('print the version').action(() => writeReport(`${version}\n`));
}
