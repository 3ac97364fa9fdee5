// IAM User Guide, "Policy elements: Variables and tags", and the wildcards of Action and Resource.
import { contextValues, isMultivalued, type RequestContext } from './access-request.ts';
import { isMultivaluedKey } from './condition-key.ts';

/** A text of a policy in which some characters are wildcards and some parts are variables. */
export interface Pattern {
  /** As written. */
  readonly text: string;
  readonly tokens: readonly Token[];
}

type Token =
  | { readonly kind: 'literal'; readonly char: string }
  | { readonly kind: 'any' | 'one' }
  | { readonly kind: 'variable'; readonly key: string; readonly fallback: string | undefined };

/** A pattern for one request, whose variables have their values. */
type Glyphs = readonly Exclude<Token, { kind: 'variable' }>[];

interface Syntax {
  /** `*` and `?` are wildcards. */
  readonly wildcards: boolean;
  /** `${key}` is a variable: in documents of version 2012-10-17. */
  readonly variables: boolean;
}

/** `${aws:SourceIdentity}`, `${aws:PrincipalTag/team, 'none'}` */
const VARIABLE = /^([A-Za-z0-9-]+:[^,{}']+?)(?:, '([^'{}]*)')?$/;
/** `${*}` is a star that is no wildcard. */
const ESCAPED = /^[*?$]$/;

export function parsePattern(text: string, { wildcards, variables }: Syntax): Pattern {
  const pieces = text.match(variables ? /\$\{[^}]*\}|[^]/gu : /[^]/gu) ?? [];
  return { text, tokens: pieces.flatMap((piece) => tokensOf(piece, wildcards)) };
}

function tokensOf(piece: string, wildcards: boolean): readonly Token[] {
  if (wildcards && piece === '*') return [{ kind: 'any' }];
  if (wildcards && piece === '?') return [{ kind: 'one' }];
  const inside = piece.length > 2 ? piece.slice(2, -1) : '';
  const [, key, fallback] = VARIABLE.exec(inside) ?? [];
  if (key !== undefined) return [{ kind: 'variable', key, fallback }];
  return literals(ESCAPED.test(inside) ? inside : piece);
}

function literals(text: string): Glyphs {
  return Array.from(text, (char) => ({ kind: 'literal', char }));
}

/** What is wrong with the variables of a text, to follow the text; undefined if nothing is. */
export function variableProblem(text: string): string | undefined {
  const written = [...text.matchAll(/\$\{([^}]*)(\}?)/g)];
  const wrong = written.find(([, inside = '', end]) => end === '' || !(VARIABLE.test(inside) || ESCAPED.test(inside)));
  if (wrong) return `has "${wrong[0]}", which is not a policy variable such as \${aws:SourceIdentity}`;
  const list = written.find(([, inside = '']) => isMultivaluedKey(VARIABLE.exec(inside)?.[1] ?? ''));
  return list && `has "${list[0]}", but that key has several values, and a policy variable needs one`;
}

/** The condition keys that the variables of a pattern name. */
export function variablesOf({ tokens }: Pattern): string[] {
  return tokens.flatMap((token) => (token.kind === 'variable' ? [token.key] : []));
}

/** The text with the request's values, for a report. */
export function resolvedText(pattern: Pattern, context: RequestContext): string | undefined {
  return resolve(pattern.tokens, context)
    ?.map((glyph) => (glyph.kind === 'literal' ? glyph.char : glyph.kind === 'any' ? '*' : '?'))
    .join('');
}

/** Whether the whole text matches. A variable without value matches nothing. */
export function matchesPattern(pattern: Pattern, text: string, context: RequestContext): boolean {
  return matchesTokens(pattern.tokens, text, context);
}

/** As {@link matchesPattern}, in any letter case. */
export function matchesIgnoringCase(pattern: Pattern, text: string, context: RequestContext): boolean {
  const glyphs = resolve(pattern.tokens, context)?.map((glyph) =>
    glyph.kind === 'literal' ? { ...glyph, char: glyph.char.toLowerCase() } : glyph,
  );
  return (
    glyphs !== undefined &&
    matchesGlyphs(
      glyphs,
      Array.from(text, (char) => char.toLowerCase()),
    )
  );
}

/**
 * Whether an ARN matches. Each of the six parts matches by itself: a wildcard spans no colon, except
 * in the last part. A pattern with fewer parts matches any rest.
 */
export function matchesArn(pattern: Pattern, arn: string, context: RequestContext): boolean {
  const actual = arnParts(arn);
  const wanted = arnPatternParts(pattern);
  return actual.length === 6 && wanted.every((tokens, index) => matchesTokens(tokens, actual[index] ?? '', context));
}

/** `arn`, partition, service, region, account, resource (which may contain colons). */
function arnParts(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length < 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}

/** Colons inside of a variable separate nothing. */
export function arnPatternParts({ tokens }: Pattern): (readonly Token[])[] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === 'literal' && token.char === ':' && parts.length < 6) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

function matchesTokens(tokens: readonly Token[], text: string, context: RequestContext): boolean {
  const glyphs = resolve(tokens, context);
  return glyphs !== undefined && matchesGlyphs(glyphs, Array.from(text));
}

/** Undefined if a variable has neither value nor default. A value's own `*` is no wildcard. */
function resolve(tokens: readonly Token[], context: RequestContext): Glyphs | undefined {
  const resolved = tokens.map((token): Glyphs | undefined => {
    if (token.kind !== 'variable') return [token];
    const value = variableValue(token.key, context) ?? token.fallback;
    return value === undefined ? undefined : literals(value);
  });
  return resolved.includes(undefined) ? undefined : resolved.flatMap((glyphs) => glyphs ?? []);
}

/** Only keys with a single value are variables. */
function variableValue(key: string, context: RequestContext): string | undefined {
  return isMultivalued(context, key) ? undefined : contextValues(context, key)[0];
}

/** Without backtracking further than to the last `*`, so that no pattern takes long. */
function matchesGlyphs(glyphs: Glyphs, text: readonly string[]): boolean {
  let [glyph, at, star, resume] = [0, 0, -1, 0];
  while (at < text.length) {
    const current = glyphs[glyph];
    if (current?.kind === 'any') [star, resume, glyph] = [glyph, at, glyph + 1];
    else if (current?.kind === 'one' || (current?.kind === 'literal' && current.char === text[at]))
      [glyph, at] = [glyph + 1, at + 1];
    else if (star === -1) return false;
    else [glyph, resume, at] = [star + 1, resume + 1, resume + 1];
  }
  return glyphs.slice(glyph).every(({ kind }) => kind === 'any');
}
