import { isoSeconds } from '../foundation/clock.ts';
import { nextCallAt, type RoleCondition, roleCondition } from './readiness.ts';
import type { DaemonSnapshot, IdentitySnapshot, RoleSnapshot } from './snapshot.ts';

/**
 * The state of the daemon on one line, such as for systemd's `STATUS=`: `2 of 3 roles fresh;
 * reader: no session (RA_UNREACHABLE); next renewal 12:41 UTC`.
 */
export function statusLine({ now, roles, identity, configurationFault, endpointFault }: DaemonSnapshot): string {
  const troubled = roles.filter((role) => roleCondition(role) !== 'fresh');
  const [next] = [...roles].sort((one, other) => nextCallAt(one) - nextCallAt(other));
  return [
    `${roles.length - troubled.length} of ${roles.length} ${roles.length === 1 ? 'role' : 'roles'} fresh`,
    ...troubled.map(roleTrouble),
    ...identityTrouble(identity),
    ...(configurationFault ? [`new configuration rejected (${configurationFault.code})`] : []),
    ...(endpointFault ? [`keys of the cluster not read (${endpointFault.code})`] : []),
    ...(next ? [nextCall(next, now)] : []),
  ].join('; ');
}

function nextCall(role: RoleSnapshot, now: number): string {
  const what = role.keeper.trouble ? 'retry' : 'renewal';
  return `next ${what} ${isoSeconds(Math.max(now, nextCallAt(role))).slice(11, 16)} UTC`;
}

export const CONDITION_WORDS: Readonly<Record<RoleCondition, string>> = {
  fresh: 'fresh',
  renewal_failing: 'renewal failing',
  starting: 'starting',
  no_session: 'no session',
};

function roleTrouble({ role, keeper, current }: RoleSnapshot): string {
  const words = CONDITION_WORDS[roleCondition({ keeper, current })];
  return `${role.name}: ${words}${keeper.trouble ? ` (${keeper.trouble.failure.code})` : ''}`;
}

function identityTrouble({ refusal, fault, renewal }: IdentitySnapshot): string[] {
  return [
    ...(refusal ? [`new certificate refused (${refusal.failure.code})`] : []),
    ...(fault ? [`certificate and key rejected (${fault.code})`] : []),
    ...(renewal?.trouble ? [`certificate not renewed (${renewal.trouble.failure.code})`] : []),
  ];
}
