// The constraints that AWS services check before anything else, and their sentences.

/** What is wrong with a value; undefined if nothing is. */
export type Check = (value: unknown) => string | undefined;

export function optional(check: Check): Check {
  return (value) => (value === undefined ? undefined : check(value));
}

export function required(check: Check): Check {
  return (value) => (value === undefined ? 'Member must not be null' : check(value));
}

/** @param shown - the pattern in the words of the service, if it differs. */
export function text(shortest: number, longest: number, pattern: RegExp, shown = pattern.source): Check {
  return (value) => {
    if (typeof value !== 'string') return 'Member must be a string';
    const length = tooSmall(value.length, shortest, 'length') ?? tooLarge(value.length, longest, 'length');
    return length ?? (pattern.test(value) ? undefined : `Member must satisfy regular expression pattern: ${shown}`);
  };
}

export function wholeNumber(least: number, most: number): Check {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value)
      ? (tooSmall(value, least, 'value') ?? tooLarge(value, most, 'value'))
      : 'Member must be an integer';
}

function tooSmall(value: number, least: number, what: string): string | undefined {
  return value < least ? `Member must have ${what} greater than or equal to ${least}` : undefined;
}

export function tooLarge(value: number, most: number, what: string): string | undefined {
  return value > most ? `Member must have ${what} less than or equal to ${most}` : undefined;
}

/** The problem of a member as a list of none or one. */
export function memberProblem(name: string, value: unknown, check: Check): string[] {
  const problem = check(value);
  if (problem === undefined) return [];
  const shown = value === undefined ? 'null' : `'${typeof value === 'string' ? value : JSON.stringify(value)}'`;
  return [`Value ${shown} at '${name}' failed to satisfy constraint: ${problem}`];
}

/** The sentence that was observed from STS and from the control plane of Roles Anywhere. */
export function validationSentence(problems: readonly string[]): string {
  const count = problems.length === 1 ? '1 validation error' : `${problems.length} validation errors`;
  return `${count} detected: ${problems.join('; ')}`;
}
