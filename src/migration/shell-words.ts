/** A word of a command line, without its quotes. */
export interface Word {
  readonly text: string;
  /** A shell or systemd would have put something else in the place of a part of it. */
  readonly hasVariable: boolean;
}

/** The commands of a line, each as its words; operators, redirections and a comment are in none of them. */
export function shellCommands(line: string): readonly (readonly Word[])[] {
  const commands: Word[][] = [[]];
  let rest = line.trimStart();
  while (rest !== '' && !rest.startsWith('#')) {
    const [redirection = ''] = REDIRECTION.exec(rest) ?? [];
    const { word, length } = firstWord(rest.slice(redirection.length));
    if (redirection === '' && OPERATOR.test(rest)) commands.push([]);
    else if (redirection === '') commands.at(-1)?.push(word);
    rest = rest.slice(redirection.length + length).trimStart();
  }
  return commands.filter((words) => words.length > 0);
}

/** With the word behind it, which is a file or a descriptor. */
const REDIRECTION = /^(?:\d*|&)(?:>>?|<{1,3})&?\s*/;
const OPERATOR = /^[;&|()]/;

/** A run of quoted, escaped and plain pieces. */
const PIECE =
  /'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\.)*)"|\\(?<escaped>.)|(?<plain>[^\s'"\\;&|()<>]+)|(?<lone>['"\\])/sy;

function firstWord(text: string): { readonly word: Word; readonly length: number } {
  let [content, hasVariable, length] = ['', false, 0];
  PIECE.lastIndex = 0;
  for (let match = PIECE.exec(text); match; match = PIECE.exec(text)) {
    const { single, double, escaped, plain, lone } = match.groups ?? {};
    content += single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? lone ?? '';
    hasVariable ||= /(?:^|[^\\])[$`]|%[a-zA-Z]/.test(double ?? plain ?? '');
    length = PIECE.lastIndex;
  }
  return { word: { text: content, hasVariable }, length: Math.max(length, 1) };
}
