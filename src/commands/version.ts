import { Command } from 'commander';
import { version } from '../foundation/version.ts';
import { writeReport } from './answer.ts';

export function versionCommand(): Command {
  return new Command('version').description('print the version').action(() => writeReport(`${version}\n`));
}
