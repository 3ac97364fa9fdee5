import path from 'node:path';
import { stringify } from 'yaml';
import { DEFAULT_SOCKET, socketCommand } from '../foundation/daemon-socket.ts';
import { printableLine } from '../foundation/printable.ts';
import type { HelperCommand, Remark } from './helper-command.ts';
import type { MigratedConfig } from './migrated-config.ts';
import type { MigratedRole } from './migrated-roles.ts';
import { unitCommands } from './package-unit.ts';

/**
 * A configuration as YAML, with notes and remaining steps in its comments.
 *
 * @param source - where the commands came from.
 */
export function migrationText(config: MigratedConfig, source: string): string {
  const { file, written, roles, unit, remarks } = config;
  const uses = roles.flatMap((role) => role.commands.flatMap((command) => useLines(command, role, config)));
  const steps = unit ? unitSteps(unitCommands(unit, path.basename(source)), unit.name) : [];
  return [
    ...comment([`${file} replaces aws_signing_helper in ${source}.`]),
    ...comment(remarks.map(remarkLine)),
    stringify(written, { lineWidth: 0 }).trimEnd(),
    ...comment(['', ...steps, 'Replacements for the helper:', ...uses]),
    '',
  ].join('\n');
}

/** For lines outside of configurations. */
export function remarkComments(remarks: readonly Remark[]): string {
  return comment(remarks.map(remarkLine))
    .map((line) => `${line}\n`)
    .join('');
}

export function remarkLine({ line, text, isLoss }: Remark): string {
  return `line ${line}, ${isLoss ? 'NOT CARRIED OVER' : 'note'}: ${text}`;
}

/** A line from another file must not end a comment. */
function comment(lines: readonly string[]): string[] {
  return lines.map((line) => `# ${printableLine(line)}`.trimEnd());
}

function unitSteps(commands: readonly string[], name: string): string[] {
  return [
    'Run as root, once this file is in place. All users must be able to read the certificate:',
    ...commands.map((command) => `  ${command}`),
    `After each change of the key, run: systemctl restart ${name}`,
    '',
  ];
}

function useLines(command: HelperCommand, { name, port }: MigratedRole, { file, unit }: MigratedConfig): string[] {
  const { does, line, origin, flags } = command;
  const where = `line ${line}${placeOf(command)}:`;
  const variable = `  export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:${port}`;
  switch (does) {
    case 'credential-process': {
      const asked = `imds-anywhere credential-process --config ${file} --role ${name}`;
      if (origin.kind !== 'profile') return [where, `  ${asked}`];
      return [
        where,
        `  credential_process = ${asked}`,
        '  Faster, if a daemon serves this file with `socket: {}`:',
        `  credential_process = ${socketCommand(DEFAULT_SOCKET, name)}`,
      ];
    }
    case 'serve':
      if (origin.kind === 'container') return [where, ...containerSteps(file), variable];
      return [where, ...(unit ? [] : [`  imds-anywhere serve ${file}`]), variable];
    case 'update':
      return [
        where,
        `  imds-anywhere update --config ${file} --role ${name} --profile ${flags.get('--profile') ?? 'default'}` +
          (flags.has('--once') ? ' --once' : ''),
      ];
  }
}

function placeOf({ origin }: HelperCommand): string {
  switch (origin.kind) {
    case 'profile':
      return ` [${origin.name === 'default' ? '' : 'profile '}${origin.name}] in ~/.aws/config`;
    case 'container':
      return origin.name === undefined ? ', a container' : `, container ${origin.name}`;
    case 'unit':
    case 'line':
      return '';
  }
}

function containerSteps(file: string): string[] {
  return [
    '  1. image: the one of imds-anywhere (docs/containers.md); remove the entry point and `command` of Kubernetes',
    `  2. arguments: serve ${file}`,
    `  3. mount this file at ${file}; let user 65532 read it, the certificate and the key`,
    '  4. in each container that shares its network:',
  ];
}
