import * as v from 'valibot';

export const text = v.string(
  (issue) => `must be a string, ${issue.received} is none${issue.received === 'Array' ? '' : ' (quote it)'}`,
);

/** Wherever IAM takes a list, it takes a single item as well. */
export function oneOrMore<Output>(item: v.GenericSchema<unknown, Output>): v.GenericSchema<unknown, Output[]> {
  const asList = v.transform((value: unknown): unknown[] => (Array.isArray(value) ? value : [value]));
  return v.pipe(v.unknown(), asList, v.array(item), v.minLength(1, 'must not be empty'));
}
