// IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal".
import * as v from 'valibot';
import type { Principal } from './access-request.ts';
import { oneOrMore, text } from './policy-text.ts';

/** One entry of a Principal element. */
export type NamedPrincipal =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'account'; readonly accountId: string }
  | { readonly kind: 'arn' | 'service' | 'other'; readonly name: string };

/**
 * How directly a statement names the principal. What it grants to a session by name is limited by no
 * other policy of the same account, what it grants to the role by boundary and session policies, and
 * what it grants to the account also by identity policies.
 */
export type Grant = 'session' | 'role' | 'account';

const servicePrincipal = v.pipe(
  text,
  v.regex(
    /^[a-z0-9.-]+$/,
    (issue) => `${issue.received} is not a service principal, such as rolesanywhere.amazonaws.com`,
  ),
  v.transform((name): NamedPrincipal => ({ kind: 'service', name })),
);

const ACCOUNT = /^(?:(\d{12})|arn:aws[a-z-]*:iam::(\d{12}):root)$/;
const ARN = /^arn:aws[a-z-]*:(?:iam::\d{12}:(?:role|user)|sts::\d{12}:(?:assumed-role|federated-user))\/[^\s*?]+$/;

const awsPrincipal = v.pipe(
  text,
  v.check(
    (name) => name === '*' || ACCOUNT.test(name) || ARN.test(name),
    (issue) => `${issue.received} is not "*", an account, or the ARN of a role, session or user without wildcards`,
  ),
  v.transform((name): NamedPrincipal => {
    if (name === '*') return { kind: 'anyone' };
    const [, plain, accountId = plain] = ACCOUNT.exec(name) ?? [];
    return accountId === undefined ? { kind: 'arn', name } : { kind: 'account', accountId };
  }),
);

const otherPrincipal = v.pipe(
  text,
  v.transform((name): NamedPrincipal => ({ kind: 'other', name })),
);

/** A Principal or NotPrincipal element. */
export const principalElement = v.pipe(
  v.unknown(),
  // IAM treats "*" and {"AWS": "*"} the same.
  v.transform((written) => (written === '*' ? { AWS: '*' } : written)),
  v.strictObject({
    Service: v.optional(oneOrMore(servicePrincipal)),
    AWS: v.optional(oneOrMore(awsPrincipal)),
    Federated: v.optional(oneOrMore(otherPrincipal)),
    CanonicalUser: v.optional(oneOrMore(otherPrincipal)),
  }),
  v.transform(({ Service = [], AWS = [], Federated = [], CanonicalUser = [] }) => [
    ...Service,
    ...AWS,
    ...Federated,
    ...CanonicalUser,
  ]),
);

/** How a Principal element names the principal; undefined if it does not. */
export function grantTo(principal: Principal, named: readonly NamedPrincipal[]): Grant | undefined {
  const grants = named.map((one) => grantBy(one, principal));
  return (['session', 'role', 'account'] as const).find((grant) => grants.includes(grant));
}

function grantBy(named: NamedPrincipal, principal: Principal): Grant | undefined {
  if (named.kind === 'anyone') return 'session';
  if (principal.kind === 'service')
    return named.kind === 'service' && named.name === principal.name ? 'session' : undefined;
  if (named.kind === 'account') return named.accountId === principal.accountId ? 'account' : undefined;
  if (named.kind !== 'arn') return undefined;
  if (named.name === principal.sessionArn) return 'session';
  return named.name === principal.roleArn ? 'role' : undefined;
}

/** Whether a NotPrincipal element excepts the principal: a session needs itself, its role and its account. */
export function isExcepted(principal: Principal, named: readonly NamedPrincipal[]): boolean {
  const grants = named.map((one) => grantBy(one, principal));
  if (principal.kind === 'service' || named.some(({ kind }) => kind === 'anyone')) return grants.includes('session');
  return (['session', 'role', 'account'] as const).every((grant) => grants.includes(grant));
}

/** For a report. */
export function principalText(named: NamedPrincipal): string {
  if (named.kind === 'anyone') return '*';
  return named.kind === 'account' ? named.accountId : named.name;
}
