import type { HelperCommand, Remark } from './helper-command.ts';

export interface MigratedRole {
  readonly name: string;
  readonly port: number;
  /** As in the configuration. */
  readonly written: Readonly<Record<string, unknown>>;
  /** The commands that use this role so far. */
  readonly commands: readonly HelperCommand[];
}

interface Roles {
  readonly roles: readonly MigratedRole[];
  readonly remarks: readonly Remark[];
}

const DEFAULT_PORT = 9_911;

/**
 * One role for each set of flags that needs another session or endpoint. Roles with an endpoint
 * choose their port first.
 */
export function migratedRoles(commands: readonly HelperCommand[]): Roles {
  const inOrder = [
    ...commands.filter(({ does }) => does === 'serve'),
    ...commands.filter(({ does }) => does !== 'serve'),
  ];
  return inOrder.reduce(withCommand, { roles: [], remarks: [] });
}

function withCommand({ roles, remarks }: Roles, command: HelperCommand): Roles {
  const wanted = command.does === 'serve' ? portOf(command) : undefined;
  const same = roles.find(
    ({ commands: [first], port }) => sessionOf(first) === sessionOf(command) && (wanted ?? port) === port,
  );
  if (same)
    return {
      roles: roles.map((role) => (role === same ? { ...role, commands: [...role.commands, command] } : role)),
      remarks,
    };
  const port = freeAmong(new Set(roles.map((role) => role.port)), wanted ?? DEFAULT_PORT, (tried) => tried + 1);
  const { region, remark } = regionOf(command);
  const moved = wanted === undefined ? [] : moveRemarks(command, port);
  const name = freeName(command, roles);
  const role = { name, port, commands: [command], written: writtenRole(command, { name, port, region }) };
  return { roles: [...roles, role], remarks: [...remarks, ...moved, ...(remark ? [remark] : [])] };
}

function writtenRole(
  { flags }: HelperCommand,
  { name, port, region }: { readonly name: string; readonly port: number; readonly region: string | undefined },
): Record<string, unknown> {
  const hopLimit = numberIn(flags.get('--hop-limit'));
  const imds = {
    ...(port !== DEFAULT_PORT && { listen: `127.0.0.1:${port}` }),
    ...(hopLimit !== undefined && { hopLimit }),
    ...(region !== undefined && { region }),
  };
  const entries = Object.entries({
    name,
    roleArn: flags.get('--role-arn'),
    trustAnchorArn: flags.get('--trust-anchor-arn'),
    profileArn: flags.get('--profile-arn'),
    sessionDuration: numberIn(flags.get('--session-duration')),
    roleSessionName: flags.get('--role-session-name'),
    imds: Object.keys(imds).length > 0 ? imds : undefined,
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function portOf({ flags }: HelperCommand): number {
  const port = numberIn(flags.get('--port'));
  return typeof port === 'number' ? port : DEFAULT_PORT;
}

/** Keeps text that is not a number. The check of the configuration reports it. */
function numberIn(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}

const OF_A_SESSION = [
  '--role-arn',
  '--trust-anchor-arn',
  '--profile-arn',
  '--session-duration',
  '--role-session-name',
  '--region',
];

function sessionOf(command: HelperCommand | undefined): string {
  return JSON.stringify(OF_A_SESSION.map((name) => command?.flags.get(name) ?? null));
}

const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d+$/;

/**
 * The region of the trust anchor is used for calls, and is also the default region for programs.
 * The helper uses another region if its flag says so.
 */
function regionOf({ flags, line }: HelperCommand): { readonly region?: string; readonly remark?: Remark } {
  const region = flags.get('--region');
  const actual = flags.get('--trust-anchor-arn')?.split(':')[3];
  if (region === undefined || region === actual)
    return actual !== undefined && REGION.test(actual) ? { region: actual } : {};
  const text = `--region: ${region} is not the region of the trust anchor, where sessions come from`;
  return { remark: { line, text, isLoss: true } };
}

function moveRemarks({ flags, line }: HelperCommand, port: number): Remark[] {
  const wanted = flags.get('--port') ?? String(DEFAULT_PORT);
  if (numberIn(wanted) === port) return [];
  const why = typeof numberIn(wanted) === 'number' ? 'belongs to another role here' : 'is not a number here';
  return [{ line, text: `--port: ${wanted} ${why}, so this one has ${port}`, isLoss: true }];
}

/** The name of the profile or of the role, in a form that the configuration accepts. */
function freeName({ origin, flags }: HelperCommand, roles: readonly MigratedRole[]): string {
  const profile = origin.kind === 'profile' ? origin.name : undefined;
  const wanted = profile ?? flags.get('--role-arn')?.split('/').at(-1) ?? 'role';
  const base = wanted.replaceAll(/[^\w.-]/g, '-').slice(0, 60) || 'role';
  let count = 1;
  return freeAmong(new Set(roles.map(({ name }) => name)), base, () => `${base}-${(count += 1)}`);
}

function freeAmong<Value>(taken: ReadonlySet<Value>, wanted: Value, next: (tried: Value) => Value): Value {
  let tried = wanted;
  while (taken.has(tried)) tried = next(tried);
  return tried;
}
