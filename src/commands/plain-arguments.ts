/** Which session `credential-process` gets: from a daemon, or as in a configuration. */
export interface PlainArguments {
  readonly config?: string;
  readonly socket?: string;
  readonly role?: string;
}

/**
 * The options of `credential-process` if they name nothing but a configuration, a socket and a role,
 * as commander reads them; undefined for any other command line. Loading and using commander takes
 * longer than the rest of a request to a daemon. Node 12 must be able to parse this, like
 * src/main.ts.
 */
export function plainArguments(words: readonly string[]): PlainArguments | undefined {
  const found: Record<string, string> = {};
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const option = /^(?:-c|--(config|socket|role)(?:=(.*))?)$/s.exec(word);
    if (!option) return undefined;
    const [, name = 'config', value = rest.shift()] = option;
    if (!value || value.startsWith('-')) return undefined;
    found[name] = value;
  }
  return found;
}
