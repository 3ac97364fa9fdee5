/** A word of a command line, without its quotes. */
export interface Word {
  readonly text: string;
  /** A shell or systemd would have put something else in the place of a part of it. */
  readonly hasVariable: boolean;
}

/** The words of the first command in a line, to its first operator: `;`, `&`, `|`, `<`, `>`, a parenthesis or a comment. */
export function shellWords(line: string): readonly Word[] {
  const words: Word[] = [];
  let rest = line.trimStart();
  while (rest !== '' && !/^(?:[;&|()#]|\d*[<>])/.test(rest)) {
    const { word, length } = firstWord(rest);
    words.push(word);
    rest = rest.slice(length).trimStart();
  }
  return words;
}

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
