import { Lexer, Parser } from 'yaml';

/** Of two hundred roles. The library compares every key with every other: four times as much may take a minute. */
const MOST_CHARACTERS = 64 * 1024;

/** Ours go to ten; each level of a file is two of the parser's. */
const DEEPEST = 64;

/**
 * Refuses what the YAML library would end the process by: it goes down nested collections by recursion, and 6 kB of brackets exhaust
 * the stack inside V8's compiler of regular expressions, which is `FATAL ERROR: RegExpCompiler Allocation failed` and no exception.
 *
 * @param longest - more than the default only for what is parsed with `uniqueKeys: false`.
 * @throws RangeError
 */
export function checkYamlBounds(text: string, longest = MOST_CHARACTERS): void {
  if (text.length > longest) throw new RangeError(`it is longer than ${longest} characters`);
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    Array.from(parser.next(lexeme));
    if (parser.stack.length > DEEPEST) throw new RangeError('its collections are nested too deeply');
  }
}
