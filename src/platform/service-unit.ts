import { systemProgram } from './system-program.ts';

/** A unit in the service manager, running or not. */
export interface ServiceUnit {
  readonly name: string;
  /** Empty: root, or with `isDynamic` a user that exists only while the service runs. */
  readonly user: string;
  /** Group= and SupplementaryGroups=, by name or number. */
  readonly groups: readonly string[];
  readonly isDynamic: boolean;
  /** The source of each credential at the start of the service (LoadCredential=). */
  readonly credentials: ReadonlyMap<string, CredentialSource>;
  /** Directories that systemd makes for its user, such as /var/lib/NAME (StateDirectory=). */
  readonly directories: readonly string[];
}

export interface CredentialSource {
  readonly path: string;
  /** LoadCredentialEncrypted=: the service gets another content than the file's. */
  readonly isEncrypted: boolean;
}

/** What the service manager says about a unit: `active`, `failed`, … */
export interface UnitState {
  readonly active: string;
  /** Why it ended: `success`, `exit-code`, … */
  readonly result: string;
  readonly restarts: number;
}

export async function unitState(name: string): Promise<UnitState> {
  const args = ['show', '--property=ActiveState', '--property=Result', '--property=NRestarts', '--', name];
  return stateIn(await systemProgram('systemctl', args, { deadlineMs: DEADLINE_MS }).catch(() => ''));
}

export function stateIn(shown: string): UnitState {
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(shown)?.[1] ?? '';
  return { active: value('ActiveState'), result: value('Result'), restarts: Number(value('NRestarts')) || 0 };
}

/** ConfigurationDirectory= is not one of them: it stays root's. */
const MADE = [
  ['StateDirectory', '/var/lib'],
  ['RuntimeDirectory', '/run'],
  ['LogsDirectory', '/var/log'],
  ['CacheDirectory', '/var/cache'],
] as const;
const PROPERTIES = [
  ...['LoadState', 'User', 'Group', 'SupplementaryGroups', 'DynamicUser'],
  ...MADE.map(([property]) => property),
];
const DEADLINE_MS = 5_000;

/** Undefined: there is no such unit, or no systemd. */
export async function serviceUnit(name: string): Promise<ServiceUnit | undefined> {
  const ask = (...args: string[]): Promise<string> =>
    systemProgram('systemctl', [...args, '--', name], { deadlineMs: DEADLINE_MS }).catch(() => '');
  const shown = await ask('show', ...PROPERTIES.map((property) => `--property=${property}`));
  return unitIn(name, { shown, files: await ask('cat') });
}

/**
 * Reads a unit from the properties of `systemctl show` and the files of `systemctl cat`, because
 * properties before version 253 have no credentials.
 */
export function unitIn(
  name: string,
  { shown, files }: { readonly shown: string; readonly files: string },
): ServiceUnit | undefined {
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(shown)?.[1] ?? '';
  if (value('LoadState') !== 'loaded') return undefined;
  return {
    name,
    user: value('User'),
    groups: wordsOf(`${value('Group')} ${value('SupplementaryGroups')}`),
    isDynamic: value('DynamicUser') === 'yes',
    directories: MADE.flatMap(([property, parent]) =>
      wordsOf(value(property)).map((named) => `${parent}/${named.replace(/:.*$/, '')}`),
    ),
    credentials: credentialsIn(files, /@(?<instance>.*)\.service$/.exec(name)?.groups?.['instance'] ?? ''),
  };
}

function wordsOf(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** An empty setting removes the previous ones, of both kinds. */
function credentialsIn(files: string, instance: string): Map<string, CredentialSource> {
  const found = new Map<string, CredentialSource>();
  for (const [, encrypted, setting = ''] of files.matchAll(/^LoadCredential(Encrypted)?=(.*)$/gm)) {
    const { id, path } = /^(?<id>[^:]+):(?<path>\/.+)$/.exec(setting.trim().replaceAll('%i', instance))?.groups ?? {};
    if (setting.trim() === '') found.clear();
    else if (id !== undefined && path !== undefined) found.set(id, { path, isEncrypted: encrypted !== undefined });
  }
  return found;
}
