import type { Policy } from './evaluate.ts';
import { managedPolicyCommand, type PastedRole } from './pasted-policy.ts';
import {
  anchorIn,
  type SecondHop,
  type TestedAction,
  type TestedCall,
  testedPermission,
  testedSecondHop,
  testedTrust,
} from './policy-test.ts';
import { proposedTrust, type TrustedKind } from './trust-proposal.ts';
import { trustWarnings } from './trust-warnings.ts';

/** The JSON of `policy test`. */
export interface PolicyTestReport {
  readonly allowed: boolean;
  readonly actions: readonly TestedAction[];
  readonly warnings: readonly string[];
  /** A trust policy that allows all three, if the tested one does not. */
  readonly proposal: object | undefined;
}

/** Everything that was given to be tested. */
export interface PolicyTest extends TestedCall {
  readonly role: PastedRole;
  /** That the configuration asks for. */
  readonly sessionDuration: number | undefined;
  readonly policies: readonly Policy[];
  readonly boundary: Policy | undefined;
  /** Documents of the managed policies of the profile. */
  readonly sessionPolicies: readonly Policy[];
  readonly permissions: readonly { readonly action: string; readonly resource: string }[];
  readonly second: (SecondHop & Pick<PastedRole, 'maxSessionDuration'>) | undefined;
  /** Of the proposal. */
  readonly kind: TrustedKind;
}

export function policyTestReport(test: PolicyTest): PolicyTestReport {
  const { role, policies, permissions, second } = test;
  const trust = testedTrust(role.trustPolicy, test);
  const limits = { ...test, policies: policies.length > 0 ? policies : undefined };
  const chained = second ? testedSecondHop(second, limits, test) : [];
  const asked = permissions.map((permission) => testedPermission(permission, limits, test));
  const actions = [...trust, ...chained, ...asked];
  return {
    allowed: actions.every(({ allowed }) => allowed),
    actions,
    warnings: [...warningsOf(test), ...chainWarnings(test, chained)],
    proposal: trust.every(({ allowed }) => allowed) ? undefined : proposalFor(test),
  };
}

/** Undefined if no tag tells the certificate from others. */
function proposalFor({ seen, kind, account, role }: PolicyTest): object | undefined {
  try {
    return proposedTrust(seen.tags, kind, account.trustAnchorArn ?? anchorIn(role.trustPolicy)).document;
  } catch {
    return undefined;
  }
}

function warningsOf({ role, seen, account, sessionDuration = 0, boundary, sessionPolicies }: PolicyTest): string[] {
  const { maxSessionDuration = Infinity, boundaryArn } = role;
  const managed = account.profile.managedPolicyArns;
  return [
    ...trustWarnings(role.trustPolicy, seen),
    ...seen.untaggable.map(({ key, reason }) => `${key} ${reason}; CreateSession may fail: run policy show`),
    ...(sessionDuration > maxSessionDuration
      ? [`sessionDuration ${sessionDuration} is above the MaxSessionDuration ${maxSessionDuration} of the role`]
      : []),
    ...(boundaryArn !== undefined && !boundary
      ? [untested(boundaryArn, 'the permissions boundary', '--permissions-boundary')]
      : []),
    ...(sessionPolicies.length < managed.length
      ? managed.map((arn) => untested(arn, 'a managed policy of the profile', '--session-policy'))
      : []),
  ];
}

function untested(arn: string, what: string, option: string): string {
  return `${what} was not evaluated: give ${option} the output of \`${managedPolicyCommand(arn)}\``;
}

/** AWS's limit for sessions of a chain, whatever the role allows. */
const LONGEST_CHAINED_SECONDS = 3600;

function chainWarnings({ second, policies }: PolicyTest, chained: readonly TestedAction[]): string[] {
  if (!second) return [];
  const { maxSessionDuration = 0 } = second;
  const identity = chained.find(({ action }) => action === 'sts:SetSourceIdentity');
  const trust = identity?.layers.find(({ layer }) => layer === 'trust');
  return [
    ...(trust?.statements.some(({ effect }) => effect === 'Allow') === false
      ? [
          'the trust policy of the second role must allow sts:SetSourceIdentity: every session of Roles Anywhere has a source identity, and keeps it',
        ]
      : []),
    ...(maxSessionDuration > LONGEST_CHAINED_SECONDS
      ? [
          `sessions of the second role end after ${LONGEST_CHAINED_SECONDS} s, although its MaxSessionDuration is ${maxSessionDuration}: AWS limits chained sessions`,
        ]
      : []),
    ...(policies.length === 0
      ? [
          'the policies of the first role were not given: it needs sts:AssumeRole and sts:SetSourceIdentity on the second',
        ]
      : []),
  ];
}
