/** The candidate that a misspelt or shortened word most likely means. */
export function closestWord(word: string, candidates: readonly string[]): string | undefined {
  const typed = folded(word);
  if (typed === '') return undefined;
  // Of several, the shortest is the least to have left out.
  const begun = candidates.filter((candidate) => typed.length > 2 && folded(candidate).startsWith(typed));
  const [closest] = candidates
    .map((candidate) => ({ candidate, distance: distanceOf(typed, folded(candidate)) }))
    .filter(({ distance }) => distance <= mostEdits(typed))
    .sort((one, other) => one.distance - other.distance);
  return closest?.candidate ?? shortest(begun);
}

function shortest(words: readonly string[]): string | undefined {
  return words.toSorted((one, other) => one.length - other.length)[0];
}

/** Often only case and separators differ: `role_arn`, `RoleARN`. */
function folded(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, '');
}

/** Most short words are only a few edits apart. */
function mostEdits(word: string): number {
  return word.length < 3 ? 0 : word.length < 6 ? 1 : 2;
}

/**
 * The number of edits between two words. Swapping two neighbours is one edit (optimal string
 * alignment).
 */
function distanceOf(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= one.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= other.length; column += 1) {
      const isEqual = one[row - 1] === other[column - 1];
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      rows[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (isEqual ? 0 : 1),
          isSwapped && row > 1 && column > 1 ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(one.length, other.length);
}
