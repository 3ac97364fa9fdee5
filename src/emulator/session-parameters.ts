import { Refusal } from './refusal.ts';
import { queryPairs, type WireRequest } from './wire-request.ts';

/** The parameters of a CreateSession, from the query, the body, or both. */
export interface SessionParameters {
  readonly trustAnchorArn: string;
  readonly profileArn: string;
  readonly roleArn: string;
  readonly durationSeconds: number | undefined;
  readonly roleSessionName: string | undefined;
  readonly instanceProperties: ReadonlyMap<string, string>;
}

type Values = ReadonlyMap<string, unknown>;
type Check = (value: unknown) => string | undefined;

/**
 * Parses the parameters of a CreateSession. Ignores unknown ones.
 *
 * @throws Refusal (ValidationException, SerializationException)
 */
export function readSessionParameters(request: WireRequest): SessionParameters {
  const values: Values = new Map([...bodyValues(request.body), ...queryValues(request.query)]);
  const problems = Object.entries(CHECKS).flatMap(([name, check]) => describe(name, values.get(name), check));
  if (problems.length > 0) throw validationFailure(problems);
  return {
    trustAnchorArn: String(values.get('trustAnchorArn')),
    profileArn: String(values.get('profileArn')),
    roleArn: String(values.get('roleArn')),
    durationSeconds: values.has('durationSeconds') ? Number(values.get('durationSeconds')) : undefined,
    roleSessionName: values.has('roleSessionName') ? String(values.get('roleSessionName')) : undefined,
    instanceProperties: new Map(Object.entries((values.get('instanceProperties') ?? {}) as Record<string, string>)),
  };
}

/** Null counts as absent, as in all of REST-JSON. */
function bodyValues(body: Buffer): [string, unknown][] {
  if (body.length === 0) return [];
  const parsed = parseJson(body);
  if (!isObject(parsed)) throw new Refusal('SerializationException', 'The body is not a JSON object', 'as said', false);
  return Object.entries(parsed).filter(([, value]) => value !== null);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new Refusal(
      'SerializationException',
      'The body is not JSON',
      `${body.length} bytes that do not parse`,
      false,
    );
  }
}

/** Numbers are text in a query. */
function queryValues(query: string): [string, unknown][] {
  return queryPairs(query).map(([name, value]) =>
    name === 'durationSeconds' && /^\d+$/.test(value) ? [name, Number(value)] : [name, value],
  );
}

/** Patterns and ranges of the service's API model, and of STS AssumeRole for the session name. */
const CHECKS: Readonly<Record<string, Check>> = {
  trustAnchorArn: arn(/^arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:trust-anchor.*)$/),
  profileArn: arn(/^arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:profile.*)$/),
  roleArn: arn(/^arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)$/),
  durationSeconds: optional((value) =>
    Number.isInteger(value)
      ? (tooSmall(value as number, 900, 'value') ?? tooLarge(value as number, 43_200, 'value'))
      : 'Member must be an integer',
  ),
  roleSessionName: optional(text(2, 64, /^[\w+=,.@-]*$/)),
  instanceProperties: optional((value) => {
    if (!isObject(value)) return 'Member must be a map';
    const member = text(1, 200, /^/);
    const words = Object.entries(value).flat();
    return (
      tooLarge(Object.keys(value).length, 50, 'length') ?? words.map(member).find((problem) => problem !== undefined)
    );
  }),
};

function arn(pattern: RegExp): Check {
  const check = text(1, 1011, pattern);
  return (value) => (value === undefined ? 'Member must not be null' : check(value));
}

function optional(check: Check): Check {
  return (value) => (value === undefined ? undefined : check(value));
}

function text(shortest: number, longest: number, pattern: RegExp): Check {
  return (value) => {
    if (typeof value !== 'string') return 'Member must be a string';
    const length = tooSmall(value.length, shortest, 'length') ?? tooLarge(value.length, longest, 'length');
    return (
      length ?? (pattern.test(value) ? undefined : `Member must satisfy regular expression pattern: ${pattern.source}`)
    );
  };
}

function tooSmall(value: number, least: number, what: string): string | undefined {
  return value < least ? `Member must have ${what} greater than or equal to ${least}` : undefined;
}

function tooLarge(value: number, most: number, what: string): string | undefined {
  return value > most ? `Member must have ${what} less than or equal to ${most}` : undefined;
}

function describe(name: string, value: unknown, check: Check): string[] {
  const problem = check(value);
  if (problem === undefined) return [];
  const shown = value === undefined ? 'null' : `'${typeof value === 'string' ? value : JSON.stringify(value)}'`;
  return [`Value ${shown} at '${name}' failed to satisfy constraint: ${problem}`];
}

/** The sentence that was observed from the service's control plane. */
function validationFailure(problems: readonly string[]): Refusal {
  const count = problems.length === 1 ? '1 validation error' : `${problems.length} validation errors`;
  const message = `${count} detected: ${problems.join('; ')}`;
  return new Refusal('ValidationException', message, problems.join('; '), false);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
