import type { RequestContext } from './policy-condition.ts';

/** What Roles Anywhere knows when it turns to STS. */
export interface AssumeRequest {
  readonly accountId: string;
  readonly trustAnchorArn: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly sourceIdentity: string;
  readonly sessionName: string;
}

/**
 * The condition keys that a trust policy sees. One context serves all three actions, as they are permissions of one call.
 * The session tags are principal tags to the trust policy (User Guide, "Trust model") and request tags to STS.
 */
export function requestContextOf(request: AssumeRequest): RequestContext {
  const tags = [...request.tags].flatMap(([key, value]): [string, string][] => [
    [`aws:PrincipalTag/${key}`, value],
    [`aws:RequestTag/${key}`, value],
  ]);
  return new Map<string, string | readonly string[]>([
    ...tags,
    ['aws:TagKeys', [...request.tags.keys()]],
    ['aws:SourceArn', request.trustAnchorArn],
    ['aws:SourceAccount', request.accountId],
    ['sts:SourceIdentity', request.sourceIdentity],
    ['sts:RoleSessionName', request.sessionName],
  ]);
}
