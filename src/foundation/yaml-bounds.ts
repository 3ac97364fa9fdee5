import { Lexer, Parser } from 'yaml';

/**
 * Enough for two hundred roles. The library compares every key with every other, so four times as
 * much can take a minute.
 */
const MOST_CHARACTERS = 64 * 1024;

/** Our configuration has at most ten levels, and the parser counts each of them twice. */
const DEEPEST = 64;

/**
 * Rejects input that makes the YAML library end the process. The library recurses into nested
 * collections. 6 kB of brackets exhaust the stack inside V8's regular expression compiler, which
 * ends in `FATAL ERROR: RegExpCompiler Allocation failed` instead of an exception.
 *
 * @param longest - raise the default only for text that is parsed with `uniqueKeys: false`.
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
