/** A copy of an object without one key. */
export function without<T extends object, Key extends keyof T>(object: T, key: Key): Omit<T, Key> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key)) as unknown as Omit<T, Key>;
}
