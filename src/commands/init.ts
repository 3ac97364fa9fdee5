import path from 'node:path';
import { Command, Option } from 'commander';
import { printable } from '../foundation/printable.ts';
import { TRUSTED_KINDS } from '../iam/trust-proposal.ts';
import type { Ask, Given } from '../setup/questions.ts';
import { AUTHORITIES, PLACES, type Setup } from '../setup/setup.ts';
import { setupError } from '../setup/setup-errors.ts';
import type { NewSetupFile } from '../setup/write-files.ts';
import { writeAnswer } from './answer.ts';
import type { PassphraseFlags } from './given-files.ts';
import type { Grant } from './init-trial.ts';
import { collected } from './option-values.ts';

export interface InitFlags extends Given, PassphraseFlags {
  readonly crl?: string;
  readonly privateKey?: string;
  readonly managedPolicy?: readonly string[];
  readonly try?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function initCommand(): Command {
  return new Command('init')
    .description('write what an AWS account and its machines need: templates, trust policy, configuration, next steps')
    .argument('[directory]', 'where to write', '.')
    .addOption(
      new Option('--ca <kind>', 'CA of the certificates; without it, a terminal is asked').choices(AUTHORITIES),
    )
    .option('--ca-bundle <file>', 'PEM file with the certificate of an existing CA')
    .option('--acm-pca-arn <arn>', 'AWS Private CA')
    .option('--crl <file>', 'revocation list of the CA')
    .option('--certificate <file>', 'certificate of one machine, which the trust policy is made from')
    .option('--private-key <file>', 'its key, only for --try')
    .option('--passphrase-file <file>', 'file with the passphrase of a PKCS#12 certificate, or of the key')
    .option('--passphrase-env <variable>', 'environment variable with that passphrase')
    .addOption(
      new Option('--for <kind>', 'which certificates get the role, as in `policy show`').choices(TRUSTED_KINDS),
    )
    .option('--subject <name>', 'subject that all machines share, * for any text: CN=device-*,OU=Devices')
    .option('--name <name>', 'name of trust anchor and profile (default: devices)')
    .option('--region <region>', 'region of AWS')
    .option('--role <name>', 'name of the role (default: that of the profile)')
    .option('--permissions <file>', 'policy of the role, in JSON')
    .option('--managed-policy <arn>', 'managed policy of the role; repeat for more', collected)
    .option('--duration <seconds>', 'life of a session, 900 to 43200 (default: 3600)')
    .addOption(new Option('--runs-on <place>', 'where the programs run').choices(PLACES))
    .option('--try', 'then get a session from the emulator with these files')
    .option('--force', 'replace files that exist, except private keys')
    .option('--json', 'print the model as JSON')
    .action(init);
}

async function init(directory: string, flags: InitFlags): Promise<void> {
  const [{ answersIn, completed }, { setupOf }, { setupFiles }, { writeFiles }, { materialOf }] = await Promise.all([
    import('../setup/questions.ts'),
    import('../setup/setup.ts'),
    import('../setup/setup-files.ts'),
    import('../setup/write-files.ts'),
    import('./init-material.ts'),
  ]);
  const given = await withTerminal(flags, (ask) => completed(flags, ask));
  const answers = answersIn(given, flags.managedPolicy ?? []);
  const { material, keys, trial } = await materialOf(answers, given, flags);
  const setup = setupOf(answers, material);
  const files: readonly NewSetupFile[] = [...setupFiles(setup), ...keys];
  await writeFiles(directory, files, flags.force === true);
  const grant =
    trial && flags.try ? await (await import('./init-trial.ts')).granted(directory, setup, trial) : undefined;
  await writeAnswer(flags.json ? json(setup, files, grant) : printable(summary(directory, setup, files, grant)));
}

/** A terminal is asked only if no option answers the first question. */
async function withTerminal<Result>(
  { ca }: InitFlags,
  use: (ask: Ask | undefined) => Promise<Result>,
): Promise<Result> {
  if (ca !== undefined || !process.stdin.isTTY || !process.stderr.isTTY) return use(undefined);
  const { createInterface } = await import('node:readline');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Keeps the lines that arrive before their question, such as pasted ones.
  const lines = terminal[Symbol.asyncIterator]();
  try {
    return await use(async (question) => {
      terminal.setPrompt(question);
      terminal.prompt();
      const line = await lines.next();
      if (line.done) throw setupError('SETUP_ANSWER_MISSING', 'the input ended before the last question');
      return line.value;
    });
  } finally {
    terminal.close();
  }
}

function json(setup: Setup, files: readonly NewSetupFile[], grant: Grant | undefined): string {
  return `${JSON.stringify({ setup, files: files.map(({ name }) => name), grant }, undefined, 2)}\n`;
}

function summary(
  directory: string,
  { trust }: Setup,
  files: readonly NewSetupFile[],
  grant: Grant | undefined,
): string {
  return [
    `${trust.isWide ? 'warning: ' : ''}${trust.accepts}`,
    '',
    ...files.map(({ name }) => `wrote ${path.join(directory, name)}`),
    ...(grant ? ['', ...grantText(grant)] : []),
    '',
    `Next: read ${path.join(directory, 'NEXT-STEPS.md')}`,
    '',
  ].join('\n');
}

function grantText({ assumedRoleArn, sourceIdentity = '', expiration }: Grant): readonly string[] {
  return [
    'The emulator granted a session, with this trust policy:',
    `  ${assumedRoleArn}`,
    `  source identity ${sourceIdentity}, until ${expiration}`,
  ];
}
