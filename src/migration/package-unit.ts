import { unitOfConfig } from '../foundation/credential-copy.ts';
import { shellWord } from '../foundation/shell-word.ts';
import type { HelperCommand, Remark } from './helper-command.ts';

// Replaces the helper's unit with the packaged one, which runs as its own user. systemd gives it a
// copy of the key.

/** The packaged unit that reads a configuration. */
export interface PackageUnit {
  /** Such as imds-anywhere.service. */
  readonly name: string;
  /** The key file, which stays where it is. */
  readonly key: string;
  /** The copy that the service can read. */
  readonly credential: string;
}

/**
 * Undefined unless all calls came from units that served: other programs cannot read the copy of
 * the key.
 */
export function packageUnit(commands: readonly HelperCommand[], file: string): PackageUnit | undefined {
  const key = commands[0]?.flags.get('--private-key');
  const name = unitOfConfig(file);
  const isServed = commands.every(({ does, origin }) => does === 'serve' && origin.kind === 'unit');
  if (!isServed || name === undefined || !key?.startsWith('/')) return undefined;
  return { name, key, credential: `/run/credentials/${name}/device.key` };
}

/** Directories that the unit's sandbox hides. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)\//;

/** Settings of the old unit that the new one lacks. */
export function unitRemarks({ flags, line, origin }: HelperCommand, unit: PackageUnit | undefined): Remark[] {
  if (!unit || origin.kind !== 'unit') return [];
  const hidden = ['--certificate', '--intermediates'].flatMap((name) => {
    const path = flags.get(name) ?? '';
    return HIDDEN.test(path) && path !== unit.key ? [`${name}: ${unit.name} cannot see ${path}; move it to /etc`] : [];
  });
  const environment = origin.hasEnvironment
    ? [`Environment= and EnvironmentFile=: set them again with \`systemctl edit ${unit.name}\``]
    : [];
  const user = `User=${origin.user ?? ''}: not needed, because the service has its own user and a copy of the key`;
  return [
    ...[...hidden, ...environment].map((text) => ({ line, text, isLoss: true })),
    ...(origin.user === undefined ? [] : [{ line, text: user, isLoss: false }]),
  ];
}

/** Lines for root's shell. Names come from files that other people wrote. @param old - the unit that ran the helper. */
export function unitCommands({ name, key }: PackageUnit, old: string): string[] {
  const directory = `/etc/systemd/system/${name}.d`;
  return [
    `systemctl disable --now ${shellWord(old)}`,
    `mkdir -p ${directory}`,
    `printf '%s\\n' '[Service]' LoadCredential= ${shellWord(`LoadCredential=device.key:${key}`)} >${directory}/key.conf`,
    'systemctl daemon-reload',
    `systemctl enable --now ${name}`,
  ];
}
