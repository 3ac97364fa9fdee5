import type { Principal, RequestContext } from '../../iam/access-request.ts';
import { type ApplicablePolicies, type Decision, evaluate } from '../../iam/evaluate.ts';
import { denialTail, explain } from '../../iam/explain.ts';
import type { Permission } from './permission.ts';

/** What a session may do with one request, whose keys are in the context. */
export interface SessionPermissions {
  readonly callerArn: string;
  readonly principal: Principal;
  readonly context: RequestContext;
  readonly policies: ApplicablePolicies;
}

export interface Denial {
  readonly permission: Permission;
  /** In the words of AWS. */
  readonly message: string;
  /** Which policy, statement and condition. */
  readonly reason: string;
}

/** The first of the permissions that the session does not have. AWS, too, names one. */
export function firstDenial(permissions: readonly Permission[], session: SessionPermissions): Denial | undefined {
  for (const permission of permissions) {
    const decision = decide(permission, session);
    if (decision.allowed) continue;
    const guess = permission.guessed ? ' (the emulator does not know its resources, and takes *)' : '';
    return {
      permission,
      message: denialMessage(session.callerArn, permission, decision),
      reason: `${permission.action} on ${permission.resource}${guess}: ${explain(decision)}`,
    };
  }
  return undefined;
}

/** Either spelling of the resource may be allowed, and either may be denied. */
function decide(permission: Permission, session: SessionPermissions): Decision {
  const { action, resource, otherResource, keys = {} } = permission;
  const context: RequestContext = new Map([...session.context, ...Object.entries(keys)]);
  const on = (one: string): Decision =>
    evaluate({ principal: session.principal, action, resource: one, context }, session.policies);
  const first = on(resource);
  if (otherResource === undefined || first.decisive.outcome === 'explicitly denied') return first;
  const other = on(otherResource);
  return other.allowed || other.decisive.outcome === 'explicitly denied' ? other : first;
}

/** S3 quotes the resource, and SQS writes the action in lower case. */
function denialMessage(callerArn: string, { action, resource, shown }: Permission, decision: Decision): string {
  const isS3 = action.startsWith('s3:');
  const printed = action.startsWith('sqs:') ? action.toLowerCase() : action;
  const name = shown ?? resource;
  const on = name === '' ? '' : ` on resource: ${isS3 ? `"${name}"` : name}`;
  return `User: ${callerArn} is not authorized to perform: ${printed}${on} ${denialTail(decision, printed)}`;
}
