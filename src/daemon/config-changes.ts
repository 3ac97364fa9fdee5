import { isDeepStrictEqual } from 'node:util';
import { auditError } from '../audit/audit-errors.ts';
import type { Config, RoleConfig } from '../config/config.ts';
import type { CodedError } from '../foundation/errors.ts';
import { sessionOwner } from '../rolesanywhere/role-target.ts';
import { daemonError } from './daemon-errors.ts';

/** The changes from the roles of one configuration to those of another. The name identifies a role. */
export interface RoleChanges {
  /** Removed, or replaced by another role of the same name. */
  readonly stop: readonly RoleConfig[];
  readonly start: readonly RoleConfig[];
  /** The same session at another endpoint. */
  readonly reopen: readonly RoleConfig[];
  /** The same role with other settings for the next exchange. */
  readonly adjust: readonly RoleConfig[];
}

export function roleChanges(running: readonly RoleConfig[], wanted: readonly RoleConfig[]): RoleChanges {
  const changing = (change: Change): RoleConfig[] =>
    wanted.filter((role) => changeTo(role, withSameName(role, running)) === change);
  return {
    stop: running.filter((role) => !isSameRole(role, withSameName(role, wanted))),
    start: changing('start'),
    reopen: changing('reopen'),
    adjust: changing('adjust'),
  };
}

type Change = 'start' | 'reopen' | 'adjust' | 'keep';

function changeTo(role: RoleConfig, before: RoleConfig | undefined): Change {
  if (!before || !isSameRole(role, before)) return 'start';
  if (!isDeepStrictEqual(role.imds, before.imds)) return 'reopen';
  return isDeepStrictEqual(role, before) ? 'keep' : 'adjust';
}

function withSameName({ name }: RoleConfig, roles: readonly RoleConfig[]): RoleConfig | undefined {
  return roles.find((role) => role.name === name);
}

/** A session of the one is a session of the other. */
function isSameRole(one: RoleConfig, other: RoleConfig | undefined): boolean {
  return other !== undefined && isDeepStrictEqual(sessionOwner(one), sessionOwner(other));
}

/** Settings that need a restart, each with its current value, which stays in use until then. */
export function needsRestart(started: Config, wanted: Config): readonly CodedError[] {
  const directory = started.state?.directory ?? 'no directory';
  const notices = {
    state: daemonError('STATE_NEEDS_RESTART', `state is still stored in ${directory}`),
    admin: daemonError('ADMIN_NEEDS_RESTART', 'the admin listener keeps its address'),
    audit: auditError('AUDIT_NEEDS_RESTART', 'the audit log keeps its destination'),
  };
  const keys = Object.keys(notices) as (keyof typeof notices)[];
  return keys.filter((key) => !isDeepStrictEqual(started[key], wanted[key])).map((key) => notices[key]);
}
