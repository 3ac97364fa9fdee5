import {
  type Check,
  memberProblem,
  optional,
  required,
  text,
  tooLarge,
  validationSentence,
  wholeNumber,
} from './member-constraint.ts';
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

/**
 * Parses the parameters of a CreateSession. Ignores unknown ones.
 *
 * @throws Refusal (ValidationException, SerializationException)
 */
export function readSessionParameters(request: WireRequest): SessionParameters {
  const values: Values = new Map([...bodyValues(request.body), ...queryValues(request.query)]);
  const problems = Object.entries(CHECKS).flatMap(([name, check]) => memberProblem(name, values.get(name), check));
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
  durationSeconds: optional(wholeNumber(900, 43_200)),
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
  return required(text(1, 1011, pattern));
}

function validationFailure(problems: readonly string[]): Refusal {
  return new Refusal('ValidationException', validationSentence(problems), problems.join('; '), false);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
