/** What `credential-process` asks a daemon for. */
export interface SocketArguments {
  readonly socket?: string;
  readonly role?: string;
}

/**
 * The options of `credential-process` if they name nothing but a socket and a role, as commander
 * reads them; undefined for any other command line. commander takes longer to load than all of the
 * rest. Node 12 must be able to parse this, like src/main.ts.
 */
export function socketArguments(words: readonly string[]): SocketArguments | undefined {
  const found: Record<string, string> = {};
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const option = /^--(socket|role)(?:=(.*))?$/s.exec(word);
    if (!option) return undefined;
    const [, name = '', value = rest.shift()] = option;
    if (!value || value.startsWith('-')) return undefined;
    found[name] = value;
  }
  return found;
}
