import path from 'node:path';
import { type CertificateSelector, certificatesOnToken, selectorFile, selectorFromText } from './cert-selector.ts';
import type { HelperCommand, Remark } from './helper-command.ts';
import { STORES } from './helper-flags.ts';
import { type MigratedRole, migratedRoles } from './migrated-roles.ts';
import { type PackageUnit, packageUnit, unitRemarks } from './package-unit.ts';

/** A configuration that replaces some commands of the AWS helper. */
export interface MigratedConfig {
  /** Its future path. */
  readonly file: string;
  /** The content of the file. */
  readonly written: Readonly<Record<string, unknown>>;
  readonly roles: readonly MigratedRole[];
  /** The packaged unit that reads the file, if a unit ran the helper. */
  readonly unit: PackageUnit | undefined;
  readonly remarks: readonly Remark[];
}

const IDENTITY = ['--certificate', '--private-key', '--intermediates'] as const;

/** One configuration for each identity and endpoint, because a daemon has one of each. */
export function migratedConfigs(commands: readonly HelperCommand[], file: string): readonly MigratedConfig[] {
  const groups = new Map<string, HelperCommand[]>();
  for (const command of commands) {
    const key = JSON.stringify(
      [...IDENTITY, '--pkcs11-lib', '--cert-selector', '--endpoint'].map((name) => command.flags.get(name)),
    );
    groups.set(key, [...(groups.get(key) ?? []), command]);
  }
  return [...groups.values()].map((group, index) =>
    apartFromFirst(migratedConfig(group, numbered(file, index)), index),
  );
}

/** `config.yaml`, `config-2.yaml`, … */
function numbered(file: string, index: number): string {
  const { dir, name, ext } = path.parse(file);
  return index === 0 ? file : path.join(dir, `${name}-${index + 1}${ext}`);
}

function apartFromFirst(config: MigratedConfig, index: number): MigratedConfig {
  const line = config.roles[0]?.commands[0]?.line ?? 0;
  const text = 'another certificate, key or endpoint: this needs a second configuration and daemon';
  return index === 0 ? config : { ...config, remarks: [{ line, text, isLoss: true }, ...config.remarks] };
}

function migratedConfig(commands: readonly HelperCommand[], file: string): MigratedConfig {
  const { roles, remarks } = migratedRoles(commands);
  const unit = packageUnit(commands, file);
  const common = (key: string): unknown => {
    const values = new Set(roles.map(({ written }) => written[key]));
    return values.size === 1 ? [...values][0] : undefined;
  };
  const shared = { trustAnchorArn: common('trustAnchorArn'), profileArn: common('profileArn') };
  const endpoint = commands[0]?.flags.get('--endpoint');
  const written = defined({
    identity: writtenIdentity(commands, unit),
    rolesAnywhere: defined({ ...shared, endpoint }),
    roles: roles.map((role) => without(role.written, Object.keys(defined(shared)))),
    log: commands.some(({ flags }) => flags.has('--debug')) ? { level: 'debug' } : undefined,
  });
  const perCommand = commands.flatMap((command) => [
    ...command.remarks,
    ...pathRemarks(command),
    ...selectorRemarks(command),
    ...unitRemarks(command, unit),
    ...(isInKubernetes(command) ? [{ line: command.line, text: READABLE_KEY, isLoss: false }] : []),
  ]);
  return { file, written, roles, unit, remarks: [...perCommand, ...remarks] };
}

const READABLE_KEY =
  'a group can read the key in the volume of a Secret, so identity.allowReadableKey is set: remove it if not needed';

function isInKubernetes({ origin }: HelperCommand): boolean {
  return origin.kind === 'container' && origin.engine === 'kubernetes';
}

function writtenIdentity(commands: readonly HelperCommand[], unit: PackageUnit | undefined): Record<string, unknown> {
  const file = (name: string): string | undefined => {
    const path = commands[0]?.flags.get(name);
    return path !== undefined && path === unit?.key ? unit.credential : path;
  };
  const flags = commands[0]?.flags;
  const selector = selectorIn(flags);
  const isSelected = typeof selector === 'object';
  const pkcs11 = defined({ module: flags?.get('--pkcs11-lib'), certificate: isSelected ? selector : undefined });
  return defined({
    certificate: isSelected ? certificateOf(flags) : file('--certificate'),
    privateKey: file('--private-key'),
    intermediates: file('--intermediates'),
    pkcs11: Object.keys(pkcs11).length === 0 ? undefined : pkcs11,
    allowReadableKey: commands.some(isInKubernetes) || undefined,
  });
}

type Flags = HelperCommand['flags'];

/**
 * What --cert-selector selects on a token.
 *
 * @returns a text: why it is not carried over.
 */
function selectorIn(flags: Flags | undefined): CertificateSelector | string | undefined {
  const written = flags?.get('--cert-selector');
  if (written === undefined) return undefined;
  if (!/^pkcs11:/i.test(certificateOf(flags) ?? '')) return STORES;
  return selectorFile(written) === undefined
    ? selectorFromText(written)
    : 'the selection is in a file: write it to identity.pkcs11.certificate';
}

function certificateOf(flags: Flags | undefined): string | undefined {
  return flags?.get('--certificate') ?? certificatesOnToken(flags?.get('--private-key') ?? '');
}

function selectorRemarks({ flags, line }: HelperCommand): Remark[] {
  const problem = selectorIn(flags);
  return typeof problem === 'string' ? [{ line, text: `--cert-selector: ${problem}`, isLoss: true }] : [];
}

/** The helper's paths are relative to its working directory, those of a configuration to the file. */
function pathRemarks({ flags, line }: HelperCommand): Remark[] {
  return IDENTITY.flatMap((name) => {
    const path = flags.get(name);
    if (path === undefined || /^(?:\/|[a-z]:|pkcs11:|handle:)/i.test(path)) return [];
    const text = `${name}: ${path} is now relative to the directory of the configuration; write the absolute path`;
    return [{ line, text, isLoss: true }];
  });
}

function defined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function without(object: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}
