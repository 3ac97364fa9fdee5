import { InvalidArgumentError } from 'commander';

/** Parses a decimal integer. @param wanted - such as `a port`, for commander's usage error. */
export function wholeNumber(wanted: string): (value: string) => number {
  return (value) => {
    if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError(`It must be ${wanted}.`);
    return Number(value);
  };
}

/** For an option that may be repeated. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
