import { isDeepStrictEqual } from 'node:util';
import { auditError } from '../audit/audit-errors.ts';
import type { Config } from '../config/config.ts';
import type { CodedError } from '../foundation/errors.ts';
import { daemonError } from './daemon-errors.ts';

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
