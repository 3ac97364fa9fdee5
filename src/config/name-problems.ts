import type { KeyPath } from '../foundation/config-finding.ts';
import type { FormProblem } from './check-form.ts';
import type { ClientTokenConfig, RoleConfig } from './config.ts';
import { configError } from './config-errors.ts';
import type { WrittenConfig } from './schema.ts';

type Roles = readonly Pick<RoleConfig, 'name' | 'imds'>[];

/** Reports duplicate names, names of missing roles, and roles that no endpoint serves. */
export function nameProblems(written: WrittenConfig, roles: Roles): FormProblem[] {
  return [
    ...roleProblems(roles),
    ...clientProblems(written.container?.tokens ?? [], roles),
    ...accountProblems(written.container?.kubernetes?.roles ?? [], roles),
    ...unservedProblems(written, roles),
  ];
}

const NAMES_OF_ROLES: readonly KeyPath[] = [
  ['roles', '*', 'name'],
  ['roles', '*', 'roleArn'],
];

function roleProblems(roles: Roles): FormProblem[] {
  const names = roles.map(({ name }) => name);
  return repeated(names).map((index) => ({
    path: ['roles', index, 'name'],
    about: NAMES_OF_ROLES,
    error: configError('CONFIG_DUPLICATE_NAME', `another role has the name "${names[index] ?? ''}"`),
  }));
}

function clientProblems(tokens: readonly ClientTokenConfig[], roles: Roles): FormProblem[] {
  const at = (index: number, ...keys: (string | number)[]): KeyPath => ['container', 'tokens', index, ...keys];
  const again = (key: 'client' | 'file'): FormProblem[] =>
    repeated(tokens.map((token) => token[key])).map((index) => ({
      path: at(index, key),
      error: configError('CONFIG_DUPLICATE_NAME', `another client has the ${key} ${tokens[index]?.[key] ?? ''}`),
    }));
  const unknown = tokens.flatMap((token, index) =>
    token.roles.flatMap((name, position) => unknownRole(name, at(index, 'roles', position), roles)),
  );
  return [...again('client'), ...again('file'), ...unknown];
}

function accountProblems(accounts: readonly { readonly role: string }[], roles: Roles): FormProblem[] {
  return accounts.flatMap(({ role }, index) =>
    unknownRole(role, ['container', 'kubernetes', 'roles', index, 'role'], roles),
  );
}

function unknownRole(name: string, path: KeyPath, roles: Roles): FormProblem[] {
  if (roles.some((role) => role.name === name)) return [];
  return [{ path, about: NAMES_OF_ROLES, error: configError('CONFIG_UNKNOWN_ROLE', `no role has the name ${name}`) }];
}

/** Positions of values that repeat an earlier one. */
function repeated(values: readonly string[]): number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}

/** A role without its own endpoint needs a client or a socket. */
function unservedProblems({ container, socket }: WrittenConfig, roles: Roles): FormProblem[] {
  if (socket) return [];
  const given = new Set([
    ...(container?.tokens ?? []).flatMap((token) => token.roles),
    ...(container?.kubernetes?.roles ?? []).map(({ role }) => role),
  ]);
  return roles.flatMap(({ name, imds }, index) =>
    imds || given.has(name)
      ? []
      : {
          path: ['roles', index, 'imds'],
          about: [['container'], ['socket']],
          error: configError('CONFIG_ROLE_NOT_SERVED', `no endpoint serves role ${name}`),
        },
  );
}
