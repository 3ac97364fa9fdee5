import { type KeyPath, keyText } from '../foundation/config-finding.ts';
import { idProblems, type TargetArns, targetProblems } from '../rolesanywhere/role-target.ts';
import type { FormProblem } from './check-form.ts';
import type { RoleConfig } from './config.ts';
import { configError } from './config-errors.ts';
import type { WrittenConfig } from './schema.ts';

const SHARED_ANCHOR: KeyPath = ['rolesAnywhere', 'trustAnchorArn'];

/**
 * Problems of the ARNs of the roles, each reported once, at the key where the ARN was written.
 * Missing ARNs are empty.
 */
export function arnProblems(written: WrittenConfig, roles: readonly RoleConfig[]): FormProblem[] {
  const at = (index: number, key: keyof TargetArns): KeyPath =>
    key === 'roleArn' || written.roles[index]?.[key] !== undefined ? ['roles', index, key] : ['rolesAnywhere', key];
  const wrong = roles.flatMap((role, index) =>
    [...targetProblems(role), ...idProblems(role)]
      .filter(({ key }) => role[key] !== '')
      .map(({ key, error }) => ({ path: at(index, key), about: [at(index, 'trustAnchorArn')], error })),
  );
  return once([...missingArns(roles), ...atSharedAnchor(wrong, roles.length)]);
}

function missingArns(roles: readonly RoleConfig[]): FormProblem[] {
  return (['trustAnchorArn', 'profileArn'] as const).flatMap((key) => {
    const about = [['rolesAnywhere', key]];
    const without = roles.flatMap((role, index) => (role[key] === '' ? [index] : []));
    if (without.length > 1 && without.length === roles.length) {
      const what = `"rolesAnywhere.${key}" is missing, and no role sets it`;
      return [{ path: ['rolesAnywhere', key], about, error: configError('CONFIG_MISSING_KEY', what) }];
    }
    return without.map((index) => {
      const what = `"${key}" is missing, both here and in "rolesAnywhere", where it applies to all roles`;
      return { path: ['roles', index, key], about, error: configError('CONFIG_MISSING_KEY', what) };
    });
  });
}

/** If all roles contradict their shared trust anchor in the same way, the anchor is the wrong one. */
function atSharedAnchor(problems: readonly FormProblem[], roles: number): FormProblem[] {
  const count = (one: FormProblem): number =>
    problems.filter(({ path, about, error }) => path[0] === 'roles' && isShared(about) && isSame(error, one.error))
      .length;
  return problems.map((one) => (roles > 1 && count(one) === roles ? { ...one, path: SHARED_ANCHOR } : one));
}

function isShared(about: readonly KeyPath[] = []): boolean {
  return about.some((path) => keyText(path) === keyText(SHARED_ANCHOR));
}

function once(problems: readonly FormProblem[]): FormProblem[] {
  return problems.filter(
    ({ path, error }, index) =>
      problems.findIndex((other) => keyText(other.path) === keyText(path) && isSame(other.error, error)) === index,
  );
}

function isSame(one: FormProblem['error'], other: FormProblem['error']): boolean {
  return one.code === other.code && one.message === other.message;
}
