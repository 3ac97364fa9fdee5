import type { HelperCommand, Remark } from './helper-command.ts';
import { migratedRoles, type MigratedRole } from './migrated-roles.ts';

/** A configuration that does what some commands of the AWS helper did. */
export interface MigratedConfig {
  /** As the file is to say it. */
  readonly written: Readonly<Record<string, unknown>>;
  readonly roles: readonly MigratedRole[];
  readonly remarks: readonly Remark[];
}

/** One configuration for each identity and endpoint: a daemon has one of each. */
export function migratedConfigs(commands: readonly HelperCommand[]): readonly MigratedConfig[] {
  const groups = new Map<string, HelperCommand[]>();
  for (const command of commands) {
    const key = JSON.stringify([...IDENTITY, '--endpoint'].map((name) => command.flags.get(name)));
    groups.set(key, [...(groups.get(key) ?? []), command]);
  }
  return [...groups.values()].map(migratedConfig).map(apartFromFirst);
}

function apartFromFirst(config: MigratedConfig, index: number): MigratedConfig {
  const line = config.roles[0]?.commands[0]?.line ?? 0;
  const text = 'another certificate, key or endpoint than before: a configuration of its own, and a daemon';
  return index === 0 ? config : { ...config, remarks: [{ line, text, isLoss: true }, ...config.remarks] };
}

const IDENTITY = ['--certificate', '--private-key', '--intermediates'] as const;

function migratedConfig(commands: readonly HelperCommand[]): MigratedConfig {
  const first = (name: string): string | undefined => commands[0]?.flags.get(name);
  const { roles, remarks } = migratedRoles(commands);
  const common = (key: string): unknown => {
    const values = new Set(roles.map(({ written }) => written[key]));
    return values.size === 1 ? [...values][0] : undefined;
  };
  const shared = { trustAnchorArn: common('trustAnchorArn'), profileArn: common('profileArn') };
  const written = defined({
    identity: defined({
      certificate: first('--certificate'),
      privateKey: first('--private-key'),
      intermediates: first('--intermediates'),
    }),
    rolesAnywhere: defined({ ...shared, endpoint: first('--endpoint') }),
    roles: roles.map((role) => without(role.written, Object.keys(defined(shared)))),
    log: commands.some(({ flags }) => flags.has('--debug')) ? { level: 'debug' } : undefined,
  });
  return {
    written,
    roles,
    remarks: [...commands.flatMap((command) => [...command.remarks, ...pathRemarks(command)]), ...remarks],
  };
}

/** The helper's paths begin at its working directory, those of a configuration at its own. */
function pathRemarks({ flags, line }: HelperCommand): Remark[] {
  return IDENTITY.flatMap((name) => {
    const path = flags.get(name);
    if (path === undefined || /^(?:\/|[a-z]:)/i.test(path)) return [];
    const text = `${name}: ${path} begins in the directory of the configuration now; better write the whole path`;
    return [{ line, text, isLoss: true }];
  });
}

function defined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function without(object: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}
