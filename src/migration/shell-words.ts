import { parse } from 'shell-quote';

/** A word of a command line, without its quotes. */
export interface Word {
  readonly text: string;
  /** A shell, systemd or a container engine would substitute a part of it. */
  readonly hasVariable: boolean;
}

/** The words of each command in a line of shell, without operators, redirections and comments. */
export function shellCommands(line: string): readonly (readonly Word[])[] {
  const commands: Word[][] = [[]];
  let isTarget = false;
  for (const entry of entriesOf(line)) {
    const operator = typeof entry === 'object' && 'op' in entry && entry.op !== 'glob' ? entry.op : undefined;
    if (operator !== undefined && !/[<>]/.test(operator)) commands.push([]);
    if (typeof entry === 'string' && !isTarget) commands.at(-1)?.push(wordOf(entry));
    if (typeof entry === 'object' && 'pattern' in entry && !isTarget) commands.at(-1)?.push(wordOf(entry.pattern));
    isTarget = operator !== undefined && /[<>]/.test(operator);
  }
  return commands.filter((words) => words.length > 0);
}

/** A word of a list, without quotes. */
export function listedWord(item: unknown): Word {
  const text = String(item);
  return { text, hasVariable: /\$[({\w]/.test(text) };
}

// Private-use characters as placeholders: the library does not mark variables, and treats # within
// a word as a comment.
const [VARIABLE, HASH] = ['\uE000', '\uE001'];

function entriesOf(line: string): ReturnType<typeof parse> {
  const [descriptors, hashes] = [/(?<=\s)\d+(?=[<>])/g, /(?<=[^\s;&|()])#/g];
  const joined = line.replaceAll(/\\\r?\n/g, ' ');
  const prepared = joined.replaceAll(descriptors, '').replaceAll(hashes, HASH);
  try {
    return parse(prepared, (name) => `${VARIABLE}$${name}`);
  } catch {
    // An unclosed substitution.
    return [];
  }
}

function wordOf(text: string): Word {
  return {
    text: text.replaceAll(VARIABLE, '').replaceAll(HASH, '#'),
    hasVariable: text.includes(VARIABLE) || /`|%[a-zA-Z]/.test(text),
  };
}
