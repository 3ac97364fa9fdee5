/** A word for a POSIX shell, in quotes only where it needs them: as an argument, or as a value of `export`. */
export function shellWord(text: string): string {
  return isPlainWord(text) ? text : singleQuoted(text);
}

/** Whether no shell changes or splits it. */
export function isPlainWord(text: string): boolean {
  return /^[\w@%+=:,./-]+$/.test(text);
}

/** For a POSIX shell and zsh. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
