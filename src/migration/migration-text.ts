import { stringify } from 'yaml';
import type { HelperCommand, Remark } from './helper-command.ts';
import type { MigratedConfig } from './migrated-config.ts';
import type { MigratedRole } from './migrated-roles.ts';

export interface MigrationText {
  /** Where the commands were. */
  readonly source: string;
  /** Where the configuration is going to be. */
  readonly file: string;
}

/** A configuration as YAML; what is to be known and done besides stands in its comments. */
export function migrationText({ written, roles, remarks }: MigratedConfig, { source, file }: MigrationText): string {
  const uses = roles.flatMap((role) => role.commands.flatMap((command) => useLines(command, role, file)));
  return [
    ...comment([`${file}, in the place of aws_signing_helper in ${source}.`]),
    ...comment(remarks.map(remarkLine)),
    stringify(written, { lineWidth: 0 }).trimEnd(),
    ...comment(['', 'What ran the helper, and what does now:', ...uses]),
    '',
  ].join('\n');
}

/** For lines that are in no configuration. */
export function remarkComments(remarks: readonly Remark[]): string {
  return comment(remarks.map(remarkLine))
    .map((line) => `${line}\n`)
    .join('');
}

export function remarkLine({ line, text, isLoss }: Remark): string {
  return `line ${line}, ${isLoss ? 'NOT CARRIED OVER' : 'note'}: ${text}`;
}

/** No line of another file may end a comment. */
function comment(lines: readonly string[]): string[] {
  return lines.map((line) => `# ${line.replaceAll(/[\r\n]+/g, ' ')}`.trimEnd());
}

function useLines({ does, line, profile, flags }: HelperCommand, { name, port }: MigratedRole, file: string): string[] {
  switch (does) {
    case 'credential-process': {
      const asked = `imds-anywhere credential-process --config ${file} --role ${name}`;
      if (profile === undefined) return [`line ${line}:`, `  ${asked}`];
      return [`line ${line}: [${profileHeader(profile)}] in ~/.aws/config`, `  credential_process = ${asked}`];
    }
    case 'serve':
      return [
        `line ${line}:`,
        `  imds-anywhere serve ${file}`,
        `  export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:${port}`,
      ];
    case 'update':
      return [
        `line ${line}:`,
        `  imds-anywhere update --config ${file} --role ${name} --profile ${flags.get('--profile') ?? 'default'}` +
          (flags.has('--once') ? ' --once' : ''),
      ];
  }
}

function profileHeader(profile: string): string {
  return profile === 'default' ? profile : `profile ${profile}`;
}
