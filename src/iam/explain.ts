import type { Decision, Layer, Mismatch, StatementName } from './evaluate.ts';

/** What AWS calls each layer when it denies. */
const LAYER_NAMES: Readonly<Record<Layer, string>> = {
  trust: 'role trust policy',
  resource: 'resource-based policy',
  identity: 'identity-based policy',
  boundary: 'permissions boundary',
  session: 'session policy',
};

/** One line for a log or a report: which statement decided, and what it wanted and found. */
export function explain({ decisive }: Decision): string {
  const { layer, outcome, statement, unmet } = decisive;
  if (outcome !== 'denied')
    return `${statement ? statementName(statement) : 'nothing'} ${outcome === 'allowed' ? 'allows' : 'denies'} it`;
  const nothing = `no ${LAYER_NAMES[layer]} allows it`;
  return statement
    ? `${nothing}; closest is ${statementName(statement)}: ${unmet.map(differenceOf).join('; ')}`
    : nothing;
}

/** The end of AWS's own sentence about a denial, `User: ... is not authorized to perform: ...`. */
export function denialTail({ decisive: { layer, outcome } }: Decision, action: string): string {
  const name = LAYER_NAMES[layer];
  if (outcome !== 'explicitly denied') return `because no ${name} allows the ${action} action`;
  const article = layer === 'trust' ? 'the' : layer === 'identity' ? 'an' : 'a';
  return `with an explicit deny in ${article} ${name}`;
}

/** `statement 2 "Upload" of the inline policy x`, counted from 1. */
export function statementName({ policy, index, sid }: StatementName): string {
  return `statement ${index + 1}${sid === undefined ? '' : ` ${quoted(sid)}`} of ${policy}`;
}

/** What a statement wanted and what the request had. */
export function differenceOf({ what, key, negated, wanted, actual }: Mismatch): string {
  const values = `${negated ? 'none of ' : ''}${wanted.map(quoted).join(negated ? ', ' : ' or ')}`;
  const found =
    actual.length === 0 ? `the request has no such key${tagHint(key)}` : `was ${actual.map(quoted).join(', ')}`;
  return `${what} wanted ${values}, ${found}`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Tutorials show tags such as aws:PrincipalTag/DeviceType, which no certificate can set. */
function tagHint(key = ''): string {
  const isForeignTag = /^aws:(?:principal|request)tag\/(?!x509(?:subject|issuer|san)\/)/i.test(key);
  return isForeignTag ? ' (Roles Anywhere sets x509Subject/..., x509Issuer/..., x509SAN/... only)' : '';
}
