import { Command } from 'commander';
import type { DoctorFlags } from './print-diagnosis.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check the whole path from a configuration file to the program, and name the first cause of a failure')
    .argument('[file]', 'configuration file')
    .option('--role <name>', 'only this role (default: every role)')
    .option('--user <name>', 'user of the daemon, whose rights on files are checked (default: that of its unit)')
    .option('--dry', 'call nothing with the identity')
    .option('--with-profile <name>', 'AWS profile whose keys read trust anchor, profile and role, to compare them')
    .option('--bundle <file>', 'write a support bundle without secrets into this new file')
    .option('--from-bundle <file>', 'read a support bundle, and print its diagnosis again')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 no cause found; 1 the check itself failed; the first cause is in: 2 the configuration,' +
        '\n3 files, key or certificate, 4 network or clock, 5 IAM Roles Anywhere or STS, 6 the endpoints,' +
        '\n7 the environment of programs, 8 the renewal of the certificate.',
    )
    .action(async (file: string | undefined, flags: DoctorFlags) => {
      const { examine } = await import('./print-diagnosis.ts');
      process.exitCode = await examine(file, flags);
    });
}
