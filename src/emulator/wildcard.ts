/** Whether the text matches an IAM pattern: `*` stands for any characters, `?` for one, everything else for itself. */
export function matchesWildcard(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${source}$`, 'su').test(text);
}
