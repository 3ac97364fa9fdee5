import * as v from 'valibot';

/** Names that the library leaves out of a record without a word. */
const LEFT_OUT = ['__proto__', 'constructor', 'prototype'];

/** A mapping with any keys of that form. Unlike the library's, it loses none. */
export function recordOf<Value>(
  key: v.GenericSchema<string, string>,
  value: v.GenericSchema<unknown, Value>,
  /** If it is no mapping at all. */
  message?: string,
): v.GenericSchema<unknown, Record<string, Value>> {
  const isComplete = (written: unknown): boolean =>
    typeof written !== 'object' || written === null || LEFT_OUT.every((name) => !Object.hasOwn(written, name));
  return v.pipe(
    v.unknown(),
    v.check(isComplete, `a mapping without the keys ${LEFT_OUT.join(', ')}`),
    v.record(key, value, message),
  );
}
