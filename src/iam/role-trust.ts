// Roles Anywhere User Guide, "Trust model"; Service Authorization Reference, "Actions, resources, and
// condition keys for AWS STS".
import type { AccessRequest, RequestContext } from './access-request.ts';
import { type Decision, evaluate } from './evaluate.ts';
import type { PolicyDocument } from './policy-document.ts';

/**
 * The actions of Roles Anywhere on a role. The trust policy must allow each of them ("Role trusts"
 * in its trust model).
 */
export const ASSUME_ACTIONS = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'] as const;
export type AssumeAction = (typeof ASSUME_ACTIONS)[number];

/** The parameters of an AssumeRole that are condition keys. */
export interface AssumeParameters {
  readonly sessionName: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly sourceIdentity: string | undefined;
  readonly transitiveTagKeys: readonly string[];
  readonly externalId: string | undefined;
}

/**
 * The condition keys that AssumeRole's parameters add for one of its actions. Each action is
 * authorized with keys of its own: a statement for all three that requires aws:RequestTag/... denies
 * sts:SetSourceIdentity.
 */
export function assumeKeys(action: AssumeAction, parameters: AssumeParameters): [string, string | readonly string[]][] {
  const { sessionName, tags, sourceIdentity, transitiveTagKeys, externalId } = parameters;
  const identity = present('sts:SourceIdentity', sourceIdentity);
  if (action === 'sts:SetSourceIdentity') return identity;
  const tagging: [string, string | readonly string[]][] = [
    ...[...tags].map(([key, value]): [string, string] => [`aws:RequestTag/${key}`, value]),
    ...present('aws:TagKeys', tags.size > 0 ? [...tags.keys()] : undefined),
    ...present('sts:TransitiveTagKeys', transitiveTagKeys.length > 0 ? transitiveTagKeys : undefined),
  ];
  if (action === 'sts:TagSession') return tagging;
  const role = [...present('sts:RoleSessionName', sessionName), ...present('sts:ExternalId', externalId)];
  return [...role, ...identity, ...tagging];
}

function present<Value>(key: string, value: Value | undefined): [string, Value][] {
  return value === undefined ? [] : [[key, value]];
}

/** What Roles Anywhere knows when it calls STS. */
export interface RolesAnywhereCall {
  readonly accountId: string;
  readonly trustAnchorArn: string;
  readonly roleArn: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly sourceIdentity: string;
  readonly sessionName: string;
}

/**
 * One of the three requests that Roles Anywhere makes of a role. The tags of the certificate and the
 * source of the call count for all three.
 */
export function rolesAnywhereRequest(action: AssumeAction, call: RolesAnywhereCall): AccessRequest {
  const context: RequestContext = new Map<string, string | readonly string[]>([
    ...[...call.tags].map(([key, value]): [string, string] => [`aws:PrincipalTag/${key}`, value]),
    ['aws:SourceArn', call.trustAnchorArn],
    ['aws:SourceAccount', call.accountId],
    ...assumeKeys(action, { ...call, transitiveTagKeys: [], externalId: undefined }),
  ]);
  return {
    principal: { kind: 'service', name: 'rolesanywhere.amazonaws.com' },
    action,
    resource: call.roleArn,
    context,
  };
}

/** What the trust policy of a role says about one of these requests. */
export function decideTrust(trustPolicy: PolicyDocument, request: AccessRequest, accountId: string): Decision {
  const policy = { name: 'the trust policy', ...trustPolicy };
  return evaluate(request, { identity: [], session: [], resource: { layer: 'trust', accountId, policies: [policy] } });
}
