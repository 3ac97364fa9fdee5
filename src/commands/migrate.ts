import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { keyText } from '../foundation/config-finding.ts';
import { messageOf } from '../foundation/errors.ts';
import { utf8Text } from '../foundation/utf8-text.ts';
import type { Remark } from '../migration/helper-command.ts';
import type { MigratedConfig } from '../migration/migrated-config.ts';
import { migrationError } from '../migration/migration-errors.ts';
import { writeAnswer } from './answer.ts';

interface Flags {
  readonly config: string;
}

export function migrateCommand(): Command {
  return new Command('migrate')
    .description('print a configuration that replaces the aws_signing_helper commands in a file')
    .argument('<file>', '~/.aws/config, a systemd unit, a script, a Dockerfile, or a manifest of Compose or Kubernetes')
    .option('-c, --config <file>', 'path for the new configuration', '/etc/imds-anywhere/config.yaml')
    .action(migrate);
}

/** @throws CodedError MIGRATION_INCOMPLETE after printing everything, if something is left to do. */
async function migrate(source: string, { config: file }: Flags): Promise<void> {
  const [{ helperCommands }, { migratedConfigs }, { migrationText, remarkLine, remarkComments }] = await Promise.all([
    import('../migration/helper-command.ts'),
    import('../migration/migrated-config.ts'),
    import('../migration/migration-text.ts'),
  ]);
  const { commands, remarks } = helperCommands(await textOf(source));
  if (commands.length + remarks.length === 0)
    throw migrationError('MIGRATION_NOTHING', `nothing in ${source} names aws_signing_helper or its image`);
  const placed = migratedConfigs(commands, file);
  const configs = await Promise.all(placed.map(withProblems));
  const texts = configs.map((config) => migrationText(config, source));
  await writeAnswer(remarkComments(remarks) + texts.join('---\n'));
  const losses = [...remarks, ...configs.flatMap((config) => config.remarks)].filter(({ isLoss }) => isLoss);
  if (losses.length > 0)
    throw migrationError('MIGRATION_INCOMPLETE', [`look at ${source}`, ...losses.map(remarkLine)].join('\n  '));
}

async function textOf(file: string): Promise<string> {
  try {
    return decoded(await readFile(file));
  } catch (error) {
    throw migrationError('MIGRATION_UNREADABLE', `cannot read ${file}: ${messageOf(error)}`, error);
  }
}

/** PowerShell writes UTF-16. @throws RangeError */
function decoded(content: Buffer): string {
  const mark = content.toString('hex', 0, 2);
  if (mark !== 'fffe' && mark !== 'feff') return utf8Text(content);
  return new TextDecoder(mark === 'fffe' ? 'utf-16le' : 'utf-16be').decode(content);
}

/** What a daemon would report about it. */
async function withProblems(config: MigratedConfig): Promise<MigratedConfig> {
  const { examineConfig } = await import('../config/examined-config.ts');
  const line = config.roles[0]?.commands[0]?.line ?? 0;
  const problems: Remark[] = examineConfig(config.written, '/').problems.map(({ path: keys, error }) => ({
    line,
    text: `${keyText(keys)} in the configuration: ${error.message}`,
    isLoss: true,
  }));
  return { ...config, remarks: [...config.remarks, ...problems] };
}
