import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { Principal } from '../../src/iam/access-request.ts';
import { evaluate, type Policy, type ResourcePolicies } from '../../src/iam/evaluate.ts';
import { permissionsPolicySchema, resourcePolicySchema, trustPolicySchema } from '../../src/iam/policy-document.ts';

const ACCOUNT = '111122223333';

interface Head {
  readonly decidedBy: string;
  readonly principal: { readonly roleArn: string; readonly sessionArn: string };
}

interface Case {
  readonly name: string;
  readonly request: {
    readonly action: string;
    readonly resource: string;
    readonly context: Readonly<Record<string, string | readonly string[]>>;
    readonly accountId?: string;
  };
  readonly policies: {
    readonly identity?: readonly unknown[];
    readonly boundary?: unknown;
    readonly session?: unknown;
    readonly resource?: unknown;
    readonly trust?: unknown;
  };
  /** By the other evaluator. */
  readonly decided: string;
}

/** Made by scripts/make-policy-vectors.mjs: a line that says who decided, then the cases. */
const lines = readFileSync(path.join(import.meta.dirname, '../vectors/policy-decisions.jsonl'), 'utf8')
  .trim()
  .split('\n');
const head = JSON.parse(lines[0] ?? '') as Head;
const cases = lines.slice(1).map((line) => JSON.parse(line) as Case);

function decide({ request, policies }: Case): string {
  const { accountId = ACCOUNT } = request;
  const principal: Principal = { kind: 'session', accountId: ACCOUNT, ...head.principal };
  const permissions = (document: unknown): Policy => ({ name: 'p', ...v.parse(permissionsPolicySchema, document) });
  const resource = ((): ResourcePolicies | undefined => {
    const { resource, trust } = policies;
    if (trust !== undefined)
      return { layer: 'trust', accountId, policies: [{ name: 'trust', ...v.parse(trustPolicySchema, trust) }] };
    if (resource === undefined)
      return accountId === ACCOUNT ? undefined : { layer: 'resource', accountId, policies: [] };
    return { layer: 'resource', accountId, policies: [{ name: 'r', ...v.parse(resourcePolicySchema, resource) }] };
  })();
  const { decisive } = evaluate(
    {
      principal,
      action: request.action,
      resource: request.resource,
      context: new Map(Object.entries(request.context)),
    },
    {
      identity: (policies.identity ?? []).map(permissions),
      boundary: policies.boundary === undefined ? undefined : permissions(policies.boundary),
      session: policies.session === undefined ? [] : [permissions(policies.session)],
      resource,
    },
  );
  return decisive.outcome;
}

/** A policy that cannot be evaluated is rejected when it is loaded. */
function outcomeOf(one: Case): string {
  try {
    return decide(one);
  } catch (error) {
    if (v.isValiError(error)) return 'rejected';
    throw error;
  }
}

/**
 * Where the other evaluator decides differently, and why ours stands. UG is the IAM User Guide. None
 * of these was asked of AWS itself.
 */
const DIFFERENCES: readonly [name: RegExp, ours: string, why: string][] = [
  [
    /: StringLike over a slash and a line$/,
    'allowed',
    'UG: * is any combination of characters; theirs spans no line break',
  ],
  [
    /: ArnLike over a colon of the first parts$/,
    'rejected',
    'UG: six parts; a pattern with fewer is a mistake that we name',
  ],
  [/: ArnNotEquals of no ARN$/, 'allowed', 'UG: a negated operator is true unless a value matches'],
  [/: DateLessThan in seconds$/, 'allowed', 'UG: dates may be in epoch time; theirs reads ISO 8601 only'],
  [/: a variable without value, negated$/, 'allowed', 'UG, "Variables": without a value, a negated operator matches'],
  [/: an escaped dollar$/, 'allowed', 'UG, "Variables": ${$} is a dollar sign'],
  [
    /^element Allow \d+ .*:\*:\*:x-\$\{aws:PrincipalTag/,
    'allowed',
    'theirs takes the colon of the variable for one of the ARN',
  ],
  [/^element Deny \d+ .*:\*:\*:x-\$\{aws:PrincipalTag/, 'explicitly denied', 'as the line above'],
  [
    /^element Allow .*ListAllMyBuckets","Resource":"arn/,
    'denied',
    'Service Authorization Reference: the action has no resource types, so Resource must be *',
  ],
  [
    /session allows another, resource for session, same account$/,
    'allowed',
    'UG, "Session policies": a grant to the session itself is not limited by them',
  ],
  [
    /session allows another, resource for anyone, same account$/,
    'allowed',
    'UG, "Principal": identity-based types do not limit a grant to everyone; that includes session policies',
  ],
];

describe(`the decisions of ${head.decidedBy}`, () => {
  const different = cases
    .map((one) => ({ ...one, ours: outcomeOf(one) }))
    .filter(({ decided, ours }) => decided !== ours);

  it('are ours, except for those explained', () => {
    const isExplained = ({ name, ours }: { name: string; ours: string }): boolean =>
      DIFFERENCES.some(([pattern, outcome]) => pattern.test(name) && outcome === ours);
    const others = different.filter((one) => !isExplained(one));
    expect(others.map(({ name, ours, decided }) => `${name}: ${ours}, not ${decided}`)).toEqual([]);
    expect(cases.length).toBeGreaterThan(700);
  });

  it.each(DIFFERENCES)('differ where it says so: %s', (pattern) => {
    expect(different.map(({ name }) => name)).toContainEqual(expect.stringMatching(pattern));
  });
});
