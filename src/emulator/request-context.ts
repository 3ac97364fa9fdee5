import type { RequestContext } from './policy-condition.ts';

/** What Roles Anywhere knows when it calls STS. */
export interface AssumeRequest {
  readonly accountId: string;
  readonly trustAnchorArn: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly sourceIdentity: string;
  readonly sessionName: string;
}

/**
 * The condition keys for a trust policy. One context serves all three actions, because they are
 * permissions of one call. Session tags are principal tags for the trust policy (User Guide, "Trust
 * model") and request tags for STS.
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
