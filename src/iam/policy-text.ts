import * as v from 'valibot';

export const text = v.string(
  (issue) => `must be a string, ${issue.received} is none${issue.received === 'Array' ? '' : ' (quote it)'}`,
);

/** Wherever IAM takes a list, it takes a single item as well. */
export function oneOrMore<Output>(item: v.GenericSchema<unknown, Output>): v.GenericSchema<unknown, Output[]> {
  const asList = v.transform((value: unknown): unknown[] => (Array.isArray(value) ? value : [value]));
  return v.pipe(v.unknown(), asList, v.array(item), v.minLength(1, 'must not be empty'));
}

/** Names that the library leaves out of a record without a word. */
const LEFT_OUT = ['__proto__', 'constructor', 'prototype'];

/** A mapping with any keys of that form. Unlike the library's, it loses none. */
export function recordOf<Value>(
  key: v.GenericSchema<string, string>,
  value: v.GenericSchema<unknown, Value>,
): v.GenericSchema<unknown, Record<string, Value>> {
  const isComplete = (written: unknown): boolean =>
    typeof written !== 'object' || written === null || LEFT_OUT.every((name) => !Object.hasOwn(written, name));
  return v.pipe(
    v.unknown(),
    v.check(isComplete, `has a key that nothing can have: ${LEFT_OUT.join(', ')}`),
    v.record(key, value),
  );
}
