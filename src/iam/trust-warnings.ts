// Mistakes in a trust policy that no single decision shows.
import { contextValues } from './access-request.ts';
import { comparisonFor, type PolicyCondition } from './condition.ts';
import type { PolicyDocument, Statement } from './policy-document.ts';
import { grantTo } from './principal-element.ts';
import type { SeenCertificate } from './seen-certificate.ts';
import { isAnyText } from './trust-proposal.ts';

const SERVICE = { kind: 'service', name: 'rolesanywhere.amazonaws.com' } as const;

export function trustWarnings({ statements }: PolicyDocument, seen: SeenCertificate): string[] {
  const tags = new Map([...seen.tags].map(([key, value]) => [`aws:PrincipalTag/${key}`, value]));
  return statements.flatMap((statement, index) =>
    statement.effect === 'Allow' && statement.principals && grantTo(SERVICE, statement.principals.items)
      ? [...wideWarnings(statement), ...statement.conditions.flatMap((one) => conditionWarnings(one, tags))].map(
          (warning) => `statement ${index + 1}: ${warning}`,
        )
      : [],
  );
}

function wideWarnings({ conditions }: Statement): string[] {
  const has = (key: RegExp): boolean =>
    conditions.some((one) => key.test(one.key) && !one.test.negated && !isOpen(one));
  const anchor = has(/^aws:sourcearn$/i) ? 'the trust anchor' : 'every trust anchor of the account';
  if (!has(/^(?:aws:principaltag|aws:requesttag)\/|^sts:(?:sourceidentity|rolesessionname)$/i))
    return [`every certificate of ${anchor} gets the role; add a condition on the subject`];
  return has(/^aws:sourcearn$/i) ? [] : [`certificates of ${anchor} get the role; add a condition on aws:SourceArn`];
}

/** It asks only whether the key is there. */
function isOpen({ test, values }: PolicyCondition): boolean {
  if (test.comparison === 'Null') return true;
  return comparisonFor(test)?.wildcards === true && values.some(({ text }) => isAnyText(text));
}

function conditionWarnings(condition: PolicyCondition, tags: ReadonlyMap<string, string>): string[] {
  const { operator, test, key, values } = condition;
  const isTag = /^aws:principaltag\//i.test(key);
  const holdsWithout = test.negated || test.ifExists || test.quantifier === 'ForAllValues';
  const texts = values.map(({ text }) => text);
  return [
    ...(isTag && holdsWithout && test.quantifier !== 'ForAnyValue' && contextValues(tags, key).length === 0
      ? [`${operator} ${key} is true for every certificate without this tag, as for this one`]
      : []),
    ...(test.comparison === 'StringEquals' && texts.some((text) => /[*?]/.test(text.replaceAll(/\$\{[^}]*\}/g, '')))
      ? [`${operator} ${key} takes * and ? literally; use StringLike`]
      : []),
    ...(values.some(({ text, tokens }) => /\$\{[^}]+:/.test(text) && tokens.every(({ kind }) => kind !== 'variable'))
      ? [`${operator} ${key} has a variable, which needs "Version": "2012-10-17"`]
      : []),
    ...(/^sts:rolesessionname$/i.test(key)
      ? ['sts:RoleSessionName is the serial number, new with each certificate, unless the profile accepts another name']
      : []),
  ];
}
